"""English words that are a letter or two away from a word of the lexicon and are no misspelling of it. Ours."""

_WORDS = """
    about above across actor after again against agent aligned alone along already although amount angel angry another
    answer apart apply arose around aside asked aware based beard began being below bench beside between black blank
    blanket blind blinked block board boat bold bone bored born both bought brain brave bread break breath brief bright
    bring broad broke brought brown brush build built burst button cable came canal card care case cast catch cause caused
    cell chair chance change chart chat check cheek cheer chest chief chin choice choose chose clean clear clench clever
    clinic clinical clip clips clock closest closet cloth cloud coarse coast come comes comma common contact content
    contract contrast cornea corned coroner count course court cover crack cream crime cross crowd crown curve daily dare
    date dead deal debt decade deem deep delight demon deny depart dial diet dine dinner dirt dish dive does doing door
    dose down draft dream dress drift drill drink drive drop drug during each earl early earn earth easy eaten edge effect
    effort eight elbow else email empty enable ended enjoy enter error even event ever every exact except exist extra
    facts faint fair faith fall false family famous fast father fault favor fear feel feet felt fence fever field fifth
    fifty fight figure file fill film final find finding fined finest finger finish fire first fish five fixed flash fleet
    flesh flight float floor flow flowers fluid focus fold folk food foot force form formal former forth forty forum found
    four frame fraud fresh friend fright from front fruit fuel fund gain game gate gave gentle gift girl give given glad
    glance glass goal gold gone grade grain grand grant grass gray grew grid grip ground group grow grown guess guest
    guide habit hair hand hang happen happy hard harm head heal hear heard heart heat heavy height held help here hero
    high hill hold hole home hope horse host hotel hour house human hurt idea image inner into issue item join joint judge
    keen kept kick kids kill kind king knee knew knife know lack lady lake land large laser last later laugh layer lead
    leaf learn least leave legal lens less lesson letter level light lightly like likely line lined lines list listed
    listen little live lives load loan local logic lonely long look loose lose loss lots loud love lowers lunch made mail
    main major maker male mall march mark mask mass match mate matter maybe meal mean means meant meat media meet member
    memory mental menu mere mess metal method middle might mile miles milk mind mine minor minus mirror miss mixed mode
    model money month months mood moon moral more most mother motor mount mouse moused mouths music must name near neat
    neck need nerve never next nice night nightly nine noble noise none normal north nose note noted nothing notice novel
    nurse object occur ocean offer office often older once only onto open openly order other ought outer over owner pace
    pack page paid pain paint pair panel paper parent parity park part partly party pass past patch path patient patients
    pause paused pay peace pen people per phase phone photo phrase pick piece pilot pink place plain plan plane plant
    plate play plus poem point pole pool port post pound power powers press price pride prime print prior prize proof
    proud prove pull pure purity push queen quest quick quiet quite quote race radio rain raise range rapid rate rather
    reach reached read ready real reason record refer rely remind rent repeat reply rest rested result rice rich ride
    rightly ring ripple riser risk river road rock role roll roof room root rope rose rough round roused route row royal
    rule rural safe sake sale salt same sand save scale scan scene school score screen seal seat second section seek seem
    seen self sell send sense sent serve seven sever shade shape shaped share sharp sharper sharply sheet shelf shell
    shift ship shirt shock shoe shoot shop shore short shortly shot shout show shown side sight sign signed silent silk
    simile simple since sing site size skill skin slave sleep slept slide slight slim smart smell smiled smoke snow soft
    soil sold solid solve some song sort soul sound south space spare speak speech spell spend spent split spoke spoon
    sport spot spray stable staff stage stair stake stamp stand star stare start state stated states station stay steal
    steel step stick still stock stone stood stop store storm story strange stream street stress strict strike string
    strip stroke stronger struck study stuff style sugar suit sum summer sun super sure sweet swept swoon table tail take
    taken tale talk tall tape taste teach team tell tend term test tested text than thank that them then there these they
    thick thin thing think third this those though thought three threw throat throw tide tidy tight time times tiny tip
    tire title today toe told tone took tool tooth top topic total touch tough tour toward tower towers town trace track
    trade train trait treat tree trend trial tribe trick trip triple truck true truly trunk trust truth try tube tune turn
    twin twist type unable under union unit until upon upper upset urban urge used user usual vague valid value vary vast
    very view visit vital voice vote wage wait wake walk wall want warm wash waste watch water wave ways wear week weigh
    well were west what wheat wheel when where which while white who whole whose wide wife wild will wind wine wing wipe
    wire wise wish with woman wonder wood word wording wore work world worry worst worth would wound wrist write wrong
    wrote yard year yield young youth zeal zone
"""
COMMON = frozenset(_WORDS.split())
