"""Words for how it moves: tag -> phrases, separated by commas; the notation is that of `words_of_face`.

attr: an attribute by name; move: a movement, of which a bare level tells the extent; is: attribute and level in one word;
finding: an attribute whose being there is the finding; level: a level of whatever is spoken of.
"""

from __future__ import annotations

ATTRIBUTE = {
    "attr:amplitude": """amplitude*, excursion*, range, range of motion, range of movement, extent, height, displacement*,
        mobility, strength, power, force, reach, span, size, magnitude, distance, vigour, vigor, degree of movement,
        motility, intensity, width""",
    "attr:peak_speed": "speed*, velocit*, pace, tempo, swiftness, quickness, rapidity, peak speed, peak velocity, briskness",
    "attr:onset": """onset*, start, starts, started, starting, starter, begin*, began, begun, commenc*, initiat*, latenc*,
        latent, set off, sets off, setting off, set in, sets in, setting in, get* going, got going, getting going, get*
        started, got started, kick* in, reaction time*, response time*, get* under way, getting under way, gets underway,
        launch*, response onset, lead time, time to onset, reaction*, take off, get off ground""",
    "attr:hold": """hold, holds, held, holding, sustain*, maintain*, maintenance, kept up, keep up, keeps up, keeping up,
        keep it up, kept, endur*, persist*, lasts, lasted, lasting, plateau, kept in place, hold time, keeping it up,
        stays up, stay up, stayed up, remains up, stays on, upheld, holding time, hold phase, steadiness, keep, keeps,
        keeping""",
    "attr:rate": """blink, blinks, blinked, blinking, blink rate*, blinking rate*, blink frequenc*, blinking frequenc*,
        rate of blink*, frequency of blink*, number of blink*, blink count*, spontaneous blink*, eye blink*, eyeblink*,
        bat* eyelid*, winks, wink, eye blinks""",
    "rateword": "rate, rates, frequency, frequencies",
    "attr:symmetry": "symmetry, evenness, balance between sides, facial symmetry",
    "move:amplitude": """move, moves, moved, moving, movement*, motion*, travel*, rais*, lift, lifts, lifted, lifting,
        elevat*, rise, rises, rose, rising, draw, draws, drew, drawn, drawing, pull, pulls, pulled, pulling, contract,
        contracts, contracted, contracting, contraction*, activat*, activity, go up, goes up, went up, going up, come up,
        comes up, coming up, came up, goes out, deepen*, wrinkl*, curl, curls, curled, stretch*, spread*, budge, budges,
        budged, stir, stirs, stirred, work, works, worked, function*, descen*, action, play, displaced, turns up, turn up,
        turned up, participat*, react, reacts, reacted, respond*, response, expression*, expressive, lowering, gets up,
        get up, upturn*, unfold*, broaden*, widen*, swing*, swings, appear, performed, execut*, performance, act, acts,
        depress, depresses, retract*, join in, joins in, joined in, take part, takes part, taking part, follow, follows,
        followed""",
    # Of the jaw a movement, of a posed expression its end.
    "drop": "drop, drops, dropped, dropping, fall, falls, fell, falling",
    "narrow": "narrow, narrows, narrowed, narrowing",
    # Of eyes and of lips and of the jaw: what is closed or open decides.
    "close": "close, closes, closing, closure*, shutting, shuts, shut, shut down, come down, comes down, close up, closed up",
    "meet": "meet, meets, met, meeting, approximat*",
    "closed": """closed, together, sealed, in contact, touching, touch each other, touch, touched, touches, pressed
        together, stay shut, stays shut, remain shut, kept shut, keep shut, tightly shut, lip seal, lip closure, seal,
        mouth closure, pursed, contact between lip*""",
    "apart": """apart, parted, parting, part, parts, separat*, agape, gape, gapes, gaping, ajar, gap, lip gap, come apart,
        came apart, comes apart, drift apart, drifted apart, interlabial gap, unsealed""",
    "open": """open, wide open, opened, stays open, stay open, stayed open, remains open, remain open, remained open,
        staring open, kept open, hang* open, hung open, uncovered, stood open, stand* open, falls open, fall* open, fell
        open""",
    "opening": "opens, opening, openings, opening movement*, gapes wide",
    "letgo": """released, releas*, let go, lets go, letting go, give way, gives way, gave way, giving way, drift* open,
        drifted open, slip, slips, slipped, slipping, relaxes, relaxing, collaps*, open again, opens again, opened again,
        reopen*, given up, gives up, gave up, abandon*, drops back, dropped back, falls back, fell back, falls away, sinks
        back, sank back, back to rest, springs back, sprang back, snaps back, break* off, broke off, broken off, drop off,
        drops off, dropped off, lapse*, relinquish*, goes back, went back, vanish*, disappear*, ends, ended, is over,
        gone, dissolv*""",
}

PREDICATE = {
    "is:peak_speed:reduced": """slow, slowly, slowed, slowing, slowness, sluggish*, bradykine*, leisurely, in slow motion,
        languid*, unhurried, torpid, dawdl*, slow motion, ponderous*, laborious*, drag, drags, dragging, plodding, too
        slow, slowish, takes time to reach, lethargic*, hypokinetically slow""",
    "is:peak_speed:markedly_reduced": """snail, snail pace, crawl, crawls, crawling, creep, creeps, creeping, glacial*,
        crept, sooo*""",
    "is:peak_speed:normal": """brisk*, fast, quick, quickly, rapid, rapidly, swift, swiftly, speedy, speedily, snappy,
        nimble, nimbly, lively, agile, fast enough, quick enough, unslowed, not slow""",
    "is:onset:increased": """late, belated*, tardy, tardily, hesita*, lag time, latency prolonged, too late, behind time,
        overdue, slow to start, slow to begin, slow in starting, slow in beginning, slow to get going, slow off mark, slow
        to react, slow to respond, slow to initiate, slow to set in, slow to come, slow in coming, waits, after pause,
        after delay, with lag, with delay, lag, postpon*, retarded, long wait, slow start, slow in getting, slow getting,
        slow to move, sluggish start, after long, only after""",
    "is:hold:reduced": "short lived, shortlived, unsustained, ill sustained, transitory, premature end",
    "is:hold:markedly_reduced": "not last, never last*, not stay put",
    "is:onset:normal": """prompt*, on time, in time, timely, punctual*, without delay, no delay, instant, without
        hesitation, without lag, on cue, readily, right on time, undelayed, as soon as, in good time, no hesitation,
        immediate, spontaneously, early enough""",
    "atonce": """immediately, instantly, at once, instantaneous*, straight off, in no time, right off, straight away,
        straightaway, right away""",
    "finding:onset": "delay, delays, delayed, delaying, time lag, pause, pauses, waiting time, latent period",
    "finding:decrement": """fade, fades, faded, fading, fade*, wane*, waning, tire, tires, tired, tiring, fatigu*,
        decrement*, shrink*, shrank, shrunk, dwindl*, decay*, decays, peter* out, tail* off, taper*, exhaust*, give out,
        gives out, gave out, flag, flags, flagged, flagging, get* smaller, got smaller, getting smaller, become* smaller,
        becoming smaller, became smaller, get* weaker, getting weaker, become* weaker, becoming weaker, grows weaker,
        grow* smaller, growing smaller, weaken*, wear* off, wore off, worn out, run* out of steam, ebb*, los* height, los*
        strength, los* amplitude, los* size, los* force, los* power, los* range, los* momentum, los* excursion, los*
        steam, los* extent, loss of amplitude over, falls off, fall off, drop in amplitude, crumbl*, wilt*, melts away,
        sequence effect, run* down, los* ground, los* intensity, losing, peters, dies away, die* down, declin*, abat*,
        drain*, loses, less and less, smaller and smaller, weaker and weaker, deteriorat*, dip over, become* smaller and
        smaller, get* smaller and smaller, got smaller and smaller, grow* smaller and smaller, become* weaker and weaker,
        get* weaker and weaker, grow* weaker and weaker, becoming smaller and smaller, getting smaller and smaller,
        become* less and less, get* less and less""",
    "finding:symmetry": """asymmetr*, assymetr*, dissymmetr*, lopsided*, lop sided, uneven*, unequal*, crooked*, skew*,
        side difference*, difference between sides, one sided, imbalance*, unbalanced, inequality, differ, differs,
        differed, wonky, askew, side to side difference*, discrepanc*, disparity, not same, mismatch*, unilateral*,
        lateralis*, lateraliz*""",
    "is:symmetry:normal": """symmetric*, even, evenly, equal, equally, alike, to same extent, same extent, same degree,
        equal extent, identical*, match, matches, matched, in step, same amplitude, same excursion, same range, same
        height, side by side, balanced, same on, same amount, same distance, as far as each other, no side difference*,
        mirror image*, same way, as much as each other, indistinguishable, no difference between, without side
        difference*, no difference, to same degree, same, level, at same height, level with each other""",
    "finding:tremor": """tremor*, tremb*, tremul*, quiver*, shake, shakes, shook, shaky, shaking, shakiness, oscillat*,
        vibrat*, shiver*, wobbl*, quaver*, jitter*, quak*""",
    "seldom": """infrequent*, rare, rarely, rarer, seldom, scarce, sparse*, few, uncommon*, scant*, far between,
        occasional blink*, hypofrequent, only few, not often, less often, less frequent*, fewer, too few, too rare*,
        sporadic blink*, too seldom""",
    "often": """frequent, frequently, often, many, numerous, too often, excess, excessive, excessively, a_lot, too many,
        incessant*, nonstop, non stop, too much, all too often, more often, more frequent*, hyper frequent, too frequent,
        too frequently""",
}

LEVEL = {
    "level:absent": """absent, absence, absence of, none, nil, immobile, immobility, motionless, frozen, freez*, lost,
        static, stock still, stay* still, remain* still, stands still, perfectly still, completely still, totally still,
        keeps still, kept still, fixed, stuck, unmoving, unmov*, akinet*, akines*, stays put, stay put, stayed put, not at
        all, lacking, missing, abolished, gone completely, zero, smooth, paralysed, paralyzed, nonexistent, non existent,
        wanting, vanished, no trace, inert, flat, dead, expressionless, extinct, wooden, stony, lifeless, not one bit, not
        in least, rigid, nowhere, nothing happen*, nothing, complete loss, total loss, loss of, failed completely,
        refuses, still, stays where it is, stay where they are, remains where it is, stays in place, stay in place, not
        from spot""",
    "level:markedly_reduced": """negligible, tiny, minute, rudimentary, next to no, next to nothing, vestig*, very little,
        only slightly, only slight, only a_little, very slightly, only marginally, only just, nearly absent, almost
        absent, almost no, nearly no, virtually no, practically no, virtually absent, almost nothing, scarcely any, hint
        of, hint, flicker*, ghost of, suggestion of, close to zero, close to nil, miniscule, minuscule, near absent,
        imperceptib*, largely absent, largely lost, mostly lost, next to none, little more than, little or no, little if
        any, almost immobile, nearly immobile, only minimally, very poor*, very weak*, hinted, hinted at, no more than,
        only a_trifle, only a_touch, only a_bit, only crack, crack""",
    "level:reduced": """reduc*, decreas*, diminish*, diminution, limit*, restrict*, small, smallish, low, lowered, weak,
        weakly, weakness, weakish, little, too little, lessen*, impair*, poor, poorly, incomplete*, partial*, partly,
        deficien*, deficit*, feebl*, shallow, subnormal, hypometri*, hypokine*, blunted, suboptimal, insufficien*,
        inadequat*, meagre, meager, faint*, dampened, damped, half hearted*, compromis*, attenuat*, muted, below normal,
        below average, below range, falls short, fell short, affected, abnormal*, halfway, half way, half, midway, bad,
        badly, constrain*, curtail*, hamper*, less than full, less than complete, less than normal, less than expected,
        under normal, hypoactiv*, sub normal, shortened, not enough, underactiv*, timid, subdued, cramped, stunted,
        inhibit*, disturb*, depleted, not quite, imperfect*, in part, to some extent, tight range, defective,
        unsatisfactor*, flattened, dull*, stinted, wanting in, somewhat less, lazy, modest*, scaled down, loss, hinder*,
        struggl*, difficult*, with effort, trouble, parsimonious*, thin, hypo active, moderate, mediocre, short of normal,
        short of full, pared down, sparing*, slack*, held back, drop in, undersized, inferior, stiffly""",
    "level:normal": """normal*, full, fully, preserved, intact, good, well, adequate*, fine, unremarkable, spared,
        unaffected, unimpaired, regular, regularly, ok, okay, complete, completely, satisfactor*, as expected, as it
        should*, as they should*, as she should, as he should, healthy, usual, properly, proper, freely, free, ample,
        amply, generous*, firm, tight, tightly, entirely, appropriate*, physiological*, within normal limit*, within
        limit*, in normal range, within normal range, within range, in range, within norm*, undiminished, unrestricted,
        undisturbed, unlimited, sufficien*, wnl, all right, alright, nothing wrong, no problem*, no abnormalit*, nothing
        abnormal, no impairment, unhindered, great, without problem*, without difficulty, without trouble, as usual, as
        well as anybody, as well as anyone, just as well as, no deficit, faultless*, perfect*, effortless*, ease, with
        ease, easily, decent*, sound, wide, widely, whole way, all way, excellent, very good, maximal*, robust*,
        vigorous*, ordinary, age appropriate, average, correct*, nicely, powerful*, beautifully, no limitation, as well as
        ever, tip top, retained, conserved, reasonabl*, handsome*, above board, unobtrusive, inconspicuous, nothing
        unusual, no complaint*, without restriction*, nothing to complain, broad*, to full, wholly, standard, sans
        particularity, without abnormalit*, without finding*, expected, enough, like anyone else, like anybody else, like
        everyone else, like everybody else, like anyone, as anyone else, like others, like other people, same as anyone,
        no different from normal, no different from anyone, without effort, without strain""",
    "level:increased": """increas*, raised, high, heightened, elevated rate, above normal, above average, supranormal,
        prolong*, lengthen*, extended, abnormally high, augment*, too high, rais* rate, up from normal, accelerat*""",
    "strongadj": "strong, strongly",
    "trace": """barely, hardly, scarcely, minimal*, trace, traces, bare, barely any, hardly any, hardly ever, scarcely
        ever, almost never, nearly never, only traces, barely perceptibl*, hardly perceptibl*, barely visib*, hardly
        visib*, hardly at all, barely at all, hardly noticeabl*, just perceptibl*, scarcely at all""",
    "strong": """marked, markedly, severe*, gross, grossly, striking*, extreme*, much, far, very, greatly, considerabl*,
        profound*, substantial*, heavil*, highly, dramatic*, massive*, enormous*, pronounced*, a_good_deal, a_great_deal,
        clearly too, deeply, significant*, drastic*, exceeding*, exceptional*, way, vastly, terribl*, awful*, badly
        reduced, really, hugely, long way, well behind, so very, ever so, wildly, extraordinar*, intense*, immens*,
        dreadful*, unusually, remarkabl*, ++, +++, ++++""",
    "mild": """mild*, slight, slightly, somewhat, a_bit, a_little, moderate*, marginal*, subtle, subtly, rather, fairly,
        minor, minimally, borderline, discreet*, discrete*, a_touch, a_trifle, a_shade, modestly""",
    "almost": "almost, nearly, virtually, practically, all but, near, well nigh",
    "early": """prematur*, early, too early, too soon, too quickly, before end, before time, before trial, before stop,
        before time is up, ahead of time, before told, before signal, prior to end, before clip, before task, before it
        should, before examiner, halfway through, half way through, midway through, soon, mid trial, before instructed,
        before being told, before cue""",
}

LITTLE = {
    "neg": """not, no, without, never, neither, fail*, unable, inability, free of, free from, by no means, anything but,
        no longer, lack, lacks, lacked, devoid, far from, nobody, refus*, impossible, in no way, not in any way, hardly
        ever not, cannot, no sign of, no evidence of, no hint of, not any, incapable, devoid of, nowhere near, rules out,
        ruled out, no one, nothing of, not count as, stopped, stops, ceased, ceases""",
    "exist": """seen, observed, noted, visible, evident, apparent, detected, found, noticed, discernible, perceptible,
        noticeable, recognisable, recognizable, detectable, demonstrable, registered, recorded, there, elicited""",
    "present": "present, positive, +, yes",
    "denied": "negative, neg, ∅, ø, -ve",
    "than": """than, compared to, compared with, relative to, versus, vs, in comparison with, in comparison to, as
        compared with, against""",
    "ref": """than normal*, than expected, than one would expect, than usual, than average, of normal, below normal range,
        than should, than it should, than they should, than most people, than is normal, than in healthy, than others,
        than other people, than in other people, than control*, than healthy control*, than would be expected, than age
        matched*, than age, of expected, of usual, than one expects, compared with normal, compared to normal, compared
        with control*, compared to control*, compared with age matched*, compared to age matched*, compared with age
        matched control*, compared to age matched control*, than age matched control*, than healthy people, than healthy
        volunteer*, compared with healthy*, compared to healthy*, compared with other people, relative to normal, relative
        to control*, than you would expect, than would expect, than peers, compared with peers, than anyone else, than
        mine, than in controls, than norm*, versus normal, versus controls, what is normal, of what is normal, of what is
        expected, of what would be expected, of what one would expect, of healthy, as normal, what would be normal, of
        what is usual, what is expected, than he should, than she should, than he does, than it should be""",
    "less": """less, weaker, smaller, poorer, worse, lesser, weakest, worst, poorest, less good, less well, less far,
        feebler, shallower, shorter, lower on, not as much as, not as far as, not so far as, not as strong*, not as high
        as, not as well as, not so much as, not as wide*, not quite as, less strong*, less mobile, worse on, least, less
        complete*, less full*, less tight*, less active, less marked movement, lower, less high, narrower, more weakly,
        more poorly, more restricted, more limited, more reduced, more affected, more impaired, more severely, more
        incomplete*, more so, less distance, less movement, more markedly, second best, fainter, slighter, lazier, duller,
        less pronounced, less extensive*, less widely, less firmly, less vigorous*, stiffer, more feebl*, less powerful*,
        more faintly""",
    "more": """more, stronger, greater, larger, bigger, better, further, farther, wider, fuller, superior, predomina*,
        more strongly, more fully, more mobile, more active, best, strongest, more complete*, higher, more tightly,
        firmer, tighter, stronger on, greatest, broader, ampler, livelier, deeper, freer, easier, more powerful*, more
        complete, more extensive*, larger by far, more widely, more marked, more pronounced""",
    # With the stronger one after it, and with the weaker one after it.
    "less:verb": """trail*, lag* behind, falls behind, fell behind, fall* short of, behind, inferior to, not keep up with,
        not match, not reach level of, lags, lagging, fall* well short of, fall* far short of, fell well short of, fell
        far short of, short of""",
    "more:verb": """exceed*, outdo*, surpass*, dominat*, outperform*, overtak*, outstrip*, tops, beats, outpac*,
        outweigh*, overshadow*""",
    "weaker": "to disadvantage of, at expense of, disadvantag*, to detriment of",
    "stronger": "in favour of, in favor of, favour*, favor*, to advantage of",
    "more:double": "twice, double, three times, twofold",
    "same": """as far as, as high as, as much as, as strongly as, as strong as, as wide as, as fully as, as well as, as
        good as, as mobile as, as tightly as, as large as, as big as, as completely as, as forcefully as, as vigorously
        as, as firmly as, as easily as, as active as, as pronounced as, as deeply as, as widely as, as tight as, as
        complete as, as low as, as little as, as freely as""",
    # After "as wide as": no side, but the norm.
    "standard": """anyone, anybody, everyone, everybody, anyone else, anybody else, everyone else, everybody else, others,
        next person, average person, ever, most people, in anyone, it should, it should be, they should, they should be,
        she should be, he should be, should be expected, he always did, she always did, before illness""",
    "same:peak_speed": "as fast as, as quickly as, as quick as, as briskly as, as rapidly as, as swiftly as",
    "less:peak_speed": """slower, more slowly, more sluggish*, less fast, less quick*, less brisk*, less rapid*, less
        swift*, slowest""",
    "more:peak_speed": """faster, quicker, more quickly, more rapidly, more briskly, swifter, brisker, more swiftly,
        speedier, more rapid""",
    "less:onset": "later, starts later, slower to start, more delayed, with more delay, more belated*",
    "more:onset": "earlier, more promptly, prompter, sooner",
    "before": "before, ahead of",
    "after": "after",
    "less:decrement": "fades faster, fades more, fades sooner, fades earlier, tires faster, tires sooner, more decrement",
    "less:hold": "held less long, shorter held, less well held, held shorter, less sustained, less steadily, held for less",
    "time:most": """most of, most, mostly, always, constant*, permanent*, continuous*, continual*, all time, nearly
        always, almost always, greater part, majority, nearly all, almost all, greater part of, larger part, persistently,
        most part, better part of, bulk of, all day, all day long, almost constant*, nearly constant*, predominant*,
        perpetual*, usually, more than half, over half, chiefly, for ever, forever, all of""",
    "time:some": """part of, part of time, at times, some of, sometimes, now and then, now and again, occasional*,
        intermittent*, from time to time, on and off, some time, for while, temporar*, periodic*, transient*, once in
        while, episod*, every so often, time and again, less than half, third of, off and on, repeatedly, several times,
        half of, half time, for some, partially apart""",
    "time:whole": """throughout, until, to end, till end, till, up to end, whole trial, full trial, entire trial, whole
        task, full task, whole clip, entire clip, whole duration, full duration, entire duration, whole time, full time,
        required time, requested time, whole period, full period, entire period, long enough, steadily, steady, stable,
        stably, firmly, for duration, through to end, right to end, from start to finish, constantly, all along, right
        through, full length of time, normal length of time, unwavering*, whole test, full test, entire test, full three
        seconds, whole of, entire, full length, to very end, over whole, over entire, unbroken, as long as required, as
        long as asked, as long as needed, as long as requested, durably, for full, for whole, for entire, asked for,
        without wavering, without interruption, all way through, time required""",
    "time:brief": """brief*, short time, short while, short, not long, shortly, a_while, few seconds, a_few seconds,
        limited time, for short, instead of, second or two, only second*, curtailed, unsteady, unsteadily, unstable,
        wavers, waver*""",
    "time:moment": """moment, momentar*, split second, fraction of second, blink of eye, fleeting*, second only, trice,
        tick, flash, only moment, fraction, after instant, after second, within second, after fraction of second, second
        or so, instantly let go, no time, hardly second""",
    "time:over": """over time, progressive*, from second to second, second by second, as trial, as task, as time, with
        time, with repetition, with repetitions, with each, with every, from one to next, gradual*, in course of, over
        course, during trial, increasingly, continually, over trial, over repetition*, each repetition, each time, as it
        goes on, as he goes on, as she goes on, as clip, as test, by second, towards end, toward end, over seconds, within
        seconds, per second, each second, every second, in successive, successively, from trial to trial, from repetition
        to repetition, from attempt to attempt, as it continues""",
    "constant": """constant, stays same, remains same, unvarying, at same level, unabated, does not change, keeps height,
        keeps size, keeps amplitude, keeps range, keeps extent, keep height, keep size, keep amplitude, keep range,
        remains constant, stays constant, stays at same level""",
    "long": "ages, long time, long while, very long, too long, eternity, long, longer",
    "takes": "take, takes, took, taking, needs, need, needed, requires",
    "be": """is, are, was, were, be, been, being, am, has, have, had, shows, show, showed, does, do, did, remains, remain,
        remained, stays, stay, stayed, appears, seems, looks, seem, look, appeared, seemed, looked, can, could, will""",
    "context": """when, whenever, during, despite, in spite of, although asked, while attempting, when asked, on command,
        on request, to command, on attempt*, in attempt, trying to, in response to, asked to, told to, instructed to,
        requested to, in order to, for task, given that, because, because of, due to, owing to, since, unlike, in contrast
        to, as opposed to, contrary to""",
    "prep": "on, in, for, at, as, upon",
    "cut:3": "but, whereas, although, though, however, yet, ;, while, |",
    "cut:2": """which, (, ), –, who, where, i e, ie, that is, namely, meaning, so, despite this, in contrast, by contrast,
        then, eg, e g, hence, thus""",
    "cut:1": "and, or, nor, with, plus, also, &, as is, but also, both of which, each with",
    "colon": ":",
    "comma": ",",
    "also": """so do, so does, as do, as does, as are, likewise, same goes for, same applies to, same is true of, same
        holds for, and so do, ditto""",
    "if": "if, suppose, should",
}

TABLES = (ATTRIBUTE, PREDICATE, LEVEL, LITTLE)
