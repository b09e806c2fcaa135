"""English words that are a letter or two away from a word of the lexicon and are no misspelling of it. Ours."""

_WORDS = """
    about above across actor actors after again against agent aligned alone along already although amount angel angry
    another answer apart apply arose around aside asked aware based beard began being below bench beside between black
    blank blanket blind blinded blinding blinked block board boat bold bone border bored born both bother bought brain
    brave bread break breath breathing brief bright bring broad broader broke brother brought brown brush budget budgets
    build built burst button cable came canal card care case cast catch cause caused cell chair chance change chart chat
    check cheek cheer chest chief chin choice choose chose clamped clean clear clench clever clinic clinical clip clips
    clock cloning closer closest closet cloth cloud clue coarse coast come comes comma comment commented commenting
    comments common compact compare compared compete competent complain complaint complement complex compliment comply
    conscious consider considerable consult contact contacted contacting contacts content contest context contract
    contrary contrast cooked cornea corned coroner count course court cover crack cream crime cross crowd crown curve
    daily dare date dead deal debt decade decades deem deep defer definite deleted delight demon deny depart depend
    detective deter dial diet differ different dine dinner direct dirt dish dive does doing door dose down draft dragon
    drawer drawing dream dress drift drill drink drive drop drug during each earl early earn earth easy eaten edge effect
    effort eight elbow else email empty enable ended enjoy ensure ensured ensures ensuring enter entirety error even event
    ever every exact except exist expecter extra facts faint fair faith fall false family famous fast father fault favor
    fear featured feeding feel feeling feelings feels feet felt fence fever field fifth fifty fight figure file fill
    filling film final find finding fined finest finger finish finishing fire first fish fishing fitting five fixed flash
    fleet flesh flight float floor flow flower flowers fluid focus fold folk food foot force form formal former forth
    forty forum found four frame fraud fresh friend fright from front fruit fuel fund gain game gate gave gentle gift girl
    give given glad glance glass glue goal gold gone grade grain grand grant grass gray grew grid grip ground group grow
    grown guess guest guide habit hair hand hang happen happy hard harm head heal health hear heard heart heat heavy
    height held help here hero high hill hold hole home hope horse host hotel hour house human hurt idea image initial
    initially inner insert interior into invert issue item join joint judge keen kept kick kids kill kind king knee knew
    knife know lack lady lake land large laser last lasted later laugh layer lead leaf learn least leave leaving legal
    lens less lesson letter level light lightly like likely line lined lines lining linting list listed listen listing
    little live lives living load loan local locking logic lonely long look loose lose loser losing loss lost lots loud
    love loving lowers lunch made mail main major maker male mall march mark mask mass match matcher mate matter maxima
    maybe meal mean means meant meat media meet member memory mental menu mere mess messing metal method middle might mile
    miles milk mind mine minor minus minutes mirror miss mixed mode model money month months mood moon moral more most
    mother motor mount mouse moused mouths movie movies moving mowing music must name near neat neck need nerve never next
    nice night nightly nine noble noise none normal north nose note noted nothing notice noting novel nurse object occur
    ocean offer office often older once only onto open openly order other ought outer over owner pace pack page paid pain
    paint pair panel paper parent parity park parking parsing part participant participants particle particles partly
    party pass past pasting patch path patient patients pause paused pay peace pen people per performer phase phone photo
    phrase pick piece pilot pink place plain plan plane plant plate play plus poem point pole polling pool port porting
    post pound powder power powers present preset press price pride prime print prior prize promote promoted promoter
    promotes promoting promotion proof property proud prove pull pulsing punctuated punctuation pure purity push queen
    quest quick quiet quite quote race radio rain raining raise range rapid rate rather reach reached read ready real
    reason record refer refraction regarded regarding related relayed rely remind rent repeat reply rest rested result
    reuses rice rich ride rightly ring ripple riser rising risk risking river road rock role roll roof room root rope rose
    rough round roused route row royal rule running rural safe sake sale salt same sand save scale scan scanned scanner
    scanning scatter scene school score screen seal seat secant second section seeded seeding seek seem seen self sell
    selling send sense sent serve seven sever shade shading shape shaped shaping share sharing sharp sharper sharply sheet
    shelf shell shift ship shirt shock shoe shoot shop shore short shorter shortly shot shout show shower showing shown
    shrimp shrine side sight sign signed silent silk simile simple since sing singly site size skill skin slanted slave
    sleep slept slide slides slight slim smart smarter smell smiled smiling smoke snow soft soil sold solid solve some
    song sort soul sound sounds south space spacing spare sparsity speak speech spell spelling spend spending spent split
    spoke spoon sport spot spray spring springer springs stable stacked stacking staff stage stair stairs stake stamp
    stand star stare starred starring start state stated states stating station stay steal steel step stick stiff still
    stock stone stood stop store storm story strange stream street stress strict strike string strip stroke stronger
    struck study stuff style sugar suit sum summer sun super sure sweet swelling swept swoon table tail take taken tale
    talk tall tampering tape taste teach team tell tend term test tested text than thank that them then there these they
    thick thin thing think third this those though thought three threw throat throw tide tidy tier tiers tight time times
    tiny tip tire title today toe told tone took tool tooth top topic total touch tough tour toward tower towers town
    trace track trade trail trails train trained trainer training trait treat tree trend trial trials tribe trick tried
    tries trip triple truck true truly trunk trust truth try tube tune turn twin twist type unable uncover under union
    unit until upon upper upset urban urge used user usual vague valid value vary vast very view visit vital voice vote
    wage waist wait waiting wake walk wall want warm warning wash waste wasting watch water wave ways wear week weigh well
    were west what wheat wheel when where which while white who whole whose wide wife wild will wind wine wing wipe wire
    wise wish with woman wonder wood word wording wore work world worry worst worth would wound wrist write writer writing
    wrong wrote yard year yield young youth zeal zone
"""
COMMON = frozenset(_WORDS.split())
