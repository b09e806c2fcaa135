"""Words for what moves, on which side, and for what is not ours: tag -> phrases, separated by commas.

A star stands for any ending. Articles and possessives are left out of phrases, as `tagging` leaves them out of the text;
hyphens are spaces. The longest phrase that fits counts. All of it is ours: general English and clinical usage.
"""

from __future__ import annotations

FACE = {
    "region:brow": """brow, brows, eyebrow*, eye brow, eye brows, forehead*, glabell*, corrugator*, frontalis, frown
        muscle*, frown line*, browline""",
    "region:eye": """eye, eyes, eyelid*, eye lid, eye lids, lid, lids, upper lid*, lower lid*, upper eyelid*, lower
        eyelid*, palpebral fissure*, palpebral aperture*, fissure*, orbicularis oculi, orbicularis, palpebr*""",
    "region:mouth_corner": """mouth corner*, corner* of mouth, corner* of lip*, angle* of mouth, mouth angle*, oral
        angle*, oral commissure*, commissure*, labial commissure*, commissure* of lip*, commissure* of mouth, lip corner*,
        corner*, oral corner*, nasolabial fold*, nasolabial, nasolabial groove*, nasolabial crease*, zygomatic*, smile
        muscle*, lower face, side of mouth, sides of mouth, half of mouth, mouth side*, lower facial""",
    # Its corners move, its lips part, its jaw opens: the attribute tells.
    "region:mouth": "mouth, mouths, oral",
    "region:jaw": """jaw, jaws, mandib*, masseter*, chin, lower jaw, jawbone, temporalis, chewing muscle*, bite, biting,
        jaw muscle*""",
    "region:lips": """lip, lips, lower lip*, upper lip*, perioral, mouth region, labial, orbicularis oris, peri oral, lip
        region""",
    "region:global": """face, facial, whole face, entire face, face as whole, mimic*, facial expression*, facial mimic*,
        features, facial muscle*, facial musculature, face in general, facial mimicry, expressivity, expressiveness""",
    "task:mouth_corner": "smile, smiles, smiled, smiling, grin, grins, grinned, grinning, beams, toothy smile",
    "task:brow": """frown, frowns, frowned, frowning, scowl*, knits brow*, knit brow*, knitting, furrow, furrows,
        furrowed, furrowing""",
    "task:eye": "squeez*, squeeze shut, screw* up, screwed, screwing, eye closure, eyelid closure, lid closure",
    "task:jaw": "clench*, bites, bit down, teeth clench*, jaw clench*",
    "task:rest": "rest, resting, relaxed, sits quietly, sitting quietly, quiet sitting",
    "side:left": "left, lefts, leftward, left sided, left hand, left hand side, left side, lefthand, left half",
    "side:right": "right, rights, rightward, right sided, right hand, right hand side, right side, righthand, right half",
    "side:both": """both, both sides, either side, each side, bilateral*, either, neither side, both of them, sides, two
        sides, left and right, right and left, left and right sides, left as well as right""",
    "side:other": """other, other one, other side, opposite side, opposite, contralateral, contralateral side,
        counterpart, fellow, partner, opposite one, other half, twin, mate""",
    "side:one": "one side, one of them, one half",
    "one": "one",
    # What the sentence is about, where it does not say it again.
    "topic": """with respect to, as regards, regarding, as for, concerning, in terms of, as to, with regard to, looking
        at, turning to""",
    "former": "former, first named",
    "latter": "latter, last named",
    "only": "only, solely, exclusively, just",
    "respectively": "respectively, resp, in that order, in this order",
    # Idioms that hold a word of ours and say nothing.
    "nothing": """right handed, left handed, right eyed, right now, right from start, right at start, right from
        beginning, right after, right before, is left of, left over, left out, in part because, on one hand, on other
        hand, all in all, full face, full view, full screen, face to face, on face of it, rest of, rests on, weak point,
        as well, at least, in short, short of breath, low light, long standing, longstanding, good rapport, good spirits,
        good mood, normal hearing, normal vision, small talk, at full length, in full, on whole, for most part, other
        than, each other, or so, no doubt, without doubt, no question, not only, if anything, cut off, apart from, moved
        house, in motion pictures, in front, close to, closely, closer to, close by, more or less, in range of view, well
        known, well lit, as far as i can tell, as far as can be seen, so far, any more, anymore, no later than, sooner or
        later, at first sight, half an hour, second half, first half, in first place, at most, most likely, very likely,
        part of face, on part of, upper half, lower half, upper third, more than once, once more, once again, one would
        expect, all over again, on spot, as such, in other words, late in day, in late, early in day, later in, later on,
        earlier on, to start with, to begin with, at start, at beginning, from beginning, from start, by end, with good
        will, good view, for good measure, not to mention, no matter, well into, just about, not stop, never stop*, not
        cease, never cease*, of full, of complete, for instance, for example, in every respect, in all respects""",
}

FOREIGN = {
    # Parts and functions that the vocabulary has no place for, and names of conditions: what is said of them is not ours.
    "foreign": """eye contact, eye movement*, gaze, gazes, glance*, saccad*, pursuit*, nystagm*, pupil*, vision, visual,
        acuity, diplopia, tongue, palate, uvula, cheek, cheeks, buccinator, nose, nostril*, ear, ears, neck, head, trunk,
        shoulder*, arm, arms, hand, hands, finger*, thumb*, foot, feet, leg, legs, gait, walk*, posture, balance, stance,
        voice, speech, speaks, spoke, talks, articulation, dysarthri*, hypophoni*, swallow*, dysphagi*, chewing, saliva*,
        drool*, sensation, sensory, sensibility, taste, hearing, smell, pain*, headache*, skin, seborrh*, beard,
        moustache, mustache, fringe, glasses, spectacles, mask, hair, makeup, ptosis, ptotic, palsy, palsies, paresis,
        paralysis, paretic, stroke, dyskinesi*, dystoni*, synkines*, spasm*, blepharospasm, myokymia, fasciculat*,
        twitch*, tic, tics, hypomimi*, droop*, sag, sags, sagging, deviat*, deviation, platysma, appetite, sleep*, mood,
        memory, cognition, attention, concentration, motivation, cooperation, compliance, weight, blood pressure, pulse,
        heart rate, reflex*, tone, rigidity, tears, tearing, lacrimation, lagophthalmos, dry eye*, eye drops, dose,
        dosage, medication, levodopa, botulinum, toxin, injection*, surgery, operation, implant, score, scores, scale,
        grade, stage, appointment*, wheelchair, scar, scars, swelling, oedema, edema, bruis*, teeth, tooth, dentures,
        denture, lighting, illumination, light, lights, camera*, video quality, image quality, picture, exposure,
        overexposed, underexposed, focus, resolution, frame rate, tracking, tracker, landmark*, detector, detection rate,
        blur*, microphone, recording quality, audio, quality, weather, conversation, answers, comprehension, english,
        happier, sadder, upper face, cornea*, conjunctiv*, sclera*, iris, upgaze, downgaze, convergence, head turn*, upper
        limb*, lower limb*, limb*, wrist*, tapping, pronation, supination, dribbl*, cough*, breath*, respiration, facial
        nerve, nerve, hemispasm, contracture*, severity, symptom*, disease, condition, illness, confidence, reliability,
        agreement, yawn*, sneez*, laugh*, cry, cries, crying, whistl*, pout*, puff*, pucker*, kiss*, sneer*, snarl*,
        philtrum, humour, response to treatment, effect*, benefit, therapy, treatment, lit, shutter""",
}

# What takes the whole statement (a piece between two boundaries) away.
OFF = {
    "off": """ago, last year, last month, last week, last visit, last appointment, last time, last examination, previous*,
        formerly, in past, used to, years before, months before, history of, as child, as children, in childhood, as baby,
        had been, had had, since childhood, since last, since then, before surgery, before operation, before treatment,
        before stroke, after operation in, than before, than it was, than it used, than earlier, at baseline, yesterday,
        day before, next visit, next time, next session, next week, next month, next appointment, in future, tomorrow,
        later today, will be, going to be, recommend*, advis*, planned, plan is, plan to, exercise*, should be, should
        try, should practise, should practice, should aim, should continue, please, hopes to, wants to, would like, would
        be, is defined, are defined, by definition, typically, textbook*, in literature, studies, in parkinson*, according
        to, not be assess*, not be judg*, not judg*, not be rat*, not rated, not be track*, not tracked, not be seen, not
        be measur*, not measured, not be evaluat*, not evaluated, not be determin*, not be analys*, not be scored, not
        testable, untestable, not tested, not test*, not be test*, not examined, not be examin*, not be interpret*, not be
        recorded, not recorded, unrateable, not rateable, obscur*, hidden, covered by, out of frame, out of view, out of
        picture, off camera, invisible because, remains to be seen, asymptomatic, worried that, fears that, until
        recently, improv*, deteriorated since, worsened since, worse since, better since, unchanged since, score of, aims
        to, exaggerat*, imagin*, pretend*, in photograph*, in photo*, on photograph*, wedding, whether, to see if, to see
        whether, in case, unless, provided that, might become, may become, prescri*, wish, should be considered, be
        considered, not assess*, common sign, sign of, common in, feature of, typical of, typical for, characteristic of,
        hallmark of, often seen in, seen in, known to, remains to be assessed, he should, she should, patient should,
        patients should, they should blink, ought to, until someyear, in someyear, before someyear, to rate, to assess, to
        judge, to score, to evaluate, to measure""",
}

# What holds in general, unless it is what the subject is compared with.
GENERAL = """in adults, in healthy, healthy adults, healthy people, healthy subjects, healthy volunteers, healthy controls,
    people with, patients with, in general population, other people, normal people, normal adults, normal subjects,
    healthy persons"""

PEOPLE = """examiner, therapist, physiotherapist, interviewer, investigator, nurse, doctor, neurologist, carer, caregiver, wife,
    husband, spouse, brother, sister, daughter, son, mother, father, friend, neighbour, neighbor, colleague, relative,
    grandson, granddaughter, grandchild, cousin, aunt, uncle, child, control, controls, volunteer, actor, roommate"""

TABLES = (FACE, FOREIGN, OFF, {"person": PEOPLE, "general": GENERAL})
