import base64
import csv
import hashlib
import html.parser
import io
import json
import re

import numpy as np
import pytest
from report_factory import as_clip, assess, renamed, smile_face

from tramp_jax.report.page import write_index, write_page

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
VOID = {"meta", "link", "img", "image", "input", "br"}


class Page(html.parser.HTMLParser):
    """Tags with their attributes, scripts, style sheets, and the text outside both."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.style, self.text, self._inside = [], [], "", "", ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside == "style":
            self.style += data
        else:
            self.text += data

    def all(self, attribute):
        return [values[attribute] for _, values in self.tags if attribute in values]

    def count(self, tag):
        return sum(name == tag for name, _ in self.tags)


def render(folder, clip, report=None, show_face=True, **options):
    assessment, kinematics = assess(clip, report, **options)
    write_page(assessment, clip, kinematics, folder / "report.html", show_face=show_face)
    return Page((folder / "report.html").read_text(encoding="utf-8")), assessment, kinematics


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return render(tmp_path_factory.mktemp("page"), as_clip(*smile_face(left=0.05), stored=150))


def outside(page):
    """Links and sources that leave the page."""
    links = [value for name in ("href", "src", "xlink:href", "action", "srcset", "poster") for value in page.all(name)]
    return [link for link in links if not link.startswith(("#", "data:"))]


def policy(page):
    (content,) = [values["content"] for _, values in page.tags if values.get("http-equiv") == "Content-Security-Policy"]
    return {part.split()[0]: part.split()[1:] for part in content.split("; ")}


def test_no_link_leaves_the_page(plain):
    page, *_ = plain
    assert outside(page) == []
    assert not re.search(r"url\(|@import", page.style)
    assert page.count("link") == page.count("iframe") == page.count("base") == 0


def test_the_policy_allows_no_request_and_no_script_but_the_pages_own(plain):
    page, *_ = plain
    rules = policy(page)
    assert rules["default-src"] == ["'none'"]
    assert rules["img-src"] == ["data:", "blob:"]
    assert "connect-src" not in rules
    kinds = [values.get("type") for tag, values in page.tags if tag == "script"]
    assert kinds == ["application/json", None, None]
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in page.scripts[1:]]
    assert rules["script-src"] == [f"'sha256-{digest}'" for digest in digests]
    assert not [name for _, values in page.tags for name in values if name.startswith("on")]


def test_what_comes_from_data_stays_inert(plain, tmp_path):
    page, *_ = plain
    text = f"Movement of both mouth corners {HOSTILE} is normal. {HOSTILE}"
    clip = renamed(
        as_clip(*smile_face(left=0.05), stored=150), clip_id=HOSTILE, source={HOSTILE: HOSTILE, "warnings": [HOSTILE]}
    )
    hostile, assessment, _ = render(tmp_path, clip, report=text)
    assert hostile.count("script") == page.count("script")
    assert hostile.count("img") == 0
    assert policy(hostile) == policy(page)
    assert "alert" not in "".join(hostile.scripts).replace(page.scripts[1], "")
    assert not [name for _, values in hostile.tags for name in values if name.startswith("on")]
    assert hostile.text.count(HOSTILE) > 4
    assert assessment["clip"] == HOSTILE


def test_figures_hold_the_measured_regions_and_every_link_has_its_place(plain):
    page, _, kinematics = plain
    specs = json.loads(page.scripts[0])
    assert {name.split("/")[0] for name in kinematics.curves} == set(specs)
    places = page.all("id")
    assert next(place for place in places if place.startswith("plot-")) == "plot-mouth_corner"
    assert {link[1:] for link in page.all("href") if link.startswith("#")} <= set(places)
    assert {f"plot-{region}" for region in specs} <= set(places)


def test_every_sentence_about_motion_leads_to_its_curve_and_a_wrong_one_is_marked(tmp_path):
    text = "Movement of the left mouth corner is normal. Movement of the right mouth corner is normal."
    page, *_ = render(tmp_path, as_clip(*smile_face(left=0.05)), report=text)
    links = [values for tag, values in page.tags if tag == "a" and values.get("data-side")]
    assert [(v["href"], v["data-side"]) for v in links] == [("#curve-mouth_corner", "left"), ("#curve-mouth_corner", "right")]
    assert [values["class"] for tag, values in page.tags if tag == "li"] == ["disagrees", "agrees"]
    assert "Measured: range of movement of the left mouth corner: markedly reduced (0.050 IOD)" in page.text


def test_the_research_line_the_interval_and_every_grade_are_there(plain):
    page, assessment, _ = plain
    assert assessment["research_use"] in page.text
    assert re.search(r"0\.1 to 2\.6", page.text)
    assert all(f"{100 * p:.0f} %" in page.text for p in assessment["grade_distribution"])


def test_poor_tracking_and_a_simulated_training_set_mark_the_page(plain, tmp_path):
    times, tokens = smile_face(169 / 30)
    page, *_ = render(tmp_path, as_clip(times, tokens, lost=slice(73, 169)), trained_on="simulated")
    alerts = [values["class"] for _, values in page.tags if values.get("role") == "alert"]
    assert alerts == ["alert poor_tracking", "alert simulated_model"]
    assert "Face found in 73 of 169 frames" in page.text
    assert "not reliable" in page.text
    clean, *_ = plain
    assert "alert" not in clean.all("role")
    assert "not reliable" not in clean.text


def test_without_the_face_the_page_holds_no_pixel(plain, tmp_path):
    assert plain[0].count("image") == 3
    clip = as_clip(*smile_face(), stored=150)
    page, *_ = render(tmp_path, clip, show_face=False)
    assert page.count("image") == 0
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "image/jpeg;base64" not in source
    assert not any(base64.b64encode(jpeg).decode() in source for jpeg in set(clip.frames))


@pytest.mark.parametrize("layout", ["mediapipe478", "insightface106", "openface68", "tokens63"])
def test_clips_without_frames_have_a_page_in_every_layout(layout, tmp_path):
    page, *_ = render(tmp_path, as_clip(*smile_face(), layout=layout))
    assert page.count("figure") == 3
    assert page.count("image") == 0


def test_an_empty_report_says_so(tmp_path):
    page, *_ = render(tmp_path, as_clip(*smile_face()), report="")
    assert "The model wrote nothing." in page.text


def test_downloads_hold_the_assessment_and_the_curves(plain):
    page, assessment, kinematics = plain
    links = {values["download"]: values["href"] for _, values in page.tags if "download" in values}
    contents = {name: base64.b64decode(link.split(",")[1]).decode() for name, link in links.items()}
    assert json.loads(contents["assessment.json"]) == assessment
    rows = list(csv.DictReader(io.StringIO(contents["curves.csv"])))
    assert len(rows) == len(kinematics.times)
    column = np.array([row["mouth_corner/right"] for row in rows], float)
    assert column == pytest.approx(kinematics.curves["mouth_corner/right"], abs=1e-6)


def test_groups_of_people_are_on_no_page(tmp_path):
    clip = renamed(as_clip(*smile_face(), stored=20), groups={"ethnicity": "Hohenfelsian"})
    page, assessment, _ = render(tmp_path, clip)
    assert clip.label.expression in page.text
    # The page holds the assessment as a download too, in base64.
    written = (tmp_path / "report.html").read_text(encoding="utf-8") + json.dumps(assessment)
    assert not re.search("ethnicity|hohenfelsian", written, re.IGNORECASE)


def test_the_index_links_each_page_and_says_why_a_clip_has_none(tmp_path):
    done = {"expression": "smile", "severity": 1.2, "interval": [0.4, 2.1], "frames": 20, "frames_tracked": 19}
    rows = [
        {"clip": "a b#1", "page": "a b#1/report.html", "error": "", "warnings": [HOSTILE], **done},
        {"clip": "javascript:alert(1)", "page": "javascript:alert(1)/report.html", "error": "", "warnings": [], **done},
        {"clip": HOSTILE, "page": "", "error": "no face found", "warnings": [], **dict.fromkeys(done)},
    ]
    write_index(rows, tmp_path / "index.html")
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert page.all("href") == ["./a%20b%231/report.html", "./javascript%3Aalert%281%29/report.html"]
    assert (page.count("script"), page.count("img")) == (1, 0)
    assert "no face found" in page.text
    assert "19 of 20" in page.text
    digest = base64.b64encode(hashlib.sha256(page.scripts[0].encode()).digest()).decode()
    assert policy(page)["script-src"] == [f"'sha256-{digest}'"]
