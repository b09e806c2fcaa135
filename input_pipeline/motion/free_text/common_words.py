"""English words that are one letter away from a word of the lexicon and are no misspelling of it. Ours."""

COMMON = frozenset(
    """
    about above across actor after again against agent alone along already although amount angel angry another answer arose around
    aside asked aware based beard began being below bench beside between black blank blind blinked block board boat bold bone bored born
    both bought brain brave bread break breath brief bring broad broke brown brought brush build built burst button came canal card care
    case cast catch cause cell chair chance change chart chat check cheek cheer chest chief chin choice choose chose clean clear clench
    clever clinic clinical clip clips clock closet cloth cloud coarse coast come comes comma common content contact contract contrast
    corned coroner count course court cover crack cream crime cross crowd crown curve daily dare date dead deal debt decade deem deep
    delight demon deny dial diet dine dinner dirt dish dive does doing door dose down draft dream dress drift drill drink drive drop drug
    during each earl early earn earth easy eaten edge effect effort eight elbow else email empty enable ended enjoy enter error even event ever
    every exact except exist extra facts faint fair faith fall false family famous fast father fault favor fear feel feet felt fence fever
    field fifth fifty fight figure file fill film final find finding finger finish fire first fish five fixed flash fleet flesh flight float
    floor flow fluid focus fold folk food foot force form former forth forty forum found four frame fraud fresh friend from front fruit
    fuel fund gain game gate gave gentle gift girl give given glad glass glance goal gold gone grade grain grand grant grass gray grew grid grip
    ground group grow grown guess guest guide habit hair hand hang happen hard harm head hear heard heart heat heavy height held help here hero high
    hill hold hole home hope horse host hotel hour house human hurt idea image inner into issue item join joint judge keen kept kick kids kill
    kind king knee knew knife know lack lady lake land large laser last later laugh layer lead leaf learn least leave legal lens less lesson letter
    level light like likely line lined lines list listed listen little live lives load loan local logic lonely long look loose lose loss lots loud
    love lunch made mail main major maker male mall march mark mask mass match mate matter maybe meal mean means meant meat media meet member
    memory mental menu mere mess metal method middle might mile miles milk mind mine minor minus mirror miss mixed mode model money month
    months mood moon moral more most mother motor mount mouse music must name near neat neck need nerve never next nice night nine noise none
    normal north nose note noted nothing notice novel nurse object occur ocean offer office often older once only onto open order other ought
    outer over owner pace pack page paid pain paint pair panel paper parent park part party pass past patch path patient patients pause pay peace
    pen people per phase phone photo phrase pick piece pilot pink place plain plan plane plant plate play plus point poem pole pool port post pound
    power press price pride prime print prior prize proof proud prove pull pure push queen quest quick quiet quite quote race radio rain raise
    range rapid rate rather reach reached read ready real reason record refer rely remind rent repeat reply rest result rice rich ride ring
    riser risk river road rock role roll roof room root rope rose rough round route row royal rule rural safe sake sale salt same sand save scale
    scan scene school score screen seat second section seek seem seen self sell send sense sent serve seven sever shade shape share sharp
    sheet shelf shell shift ship shirt shock shoe shoot shop shore short shot shout show shown side sight sign silent silk simile simple since
    sing site size skill skin slave sleep slept slide slim smart smell smoke snow soft soil sold solid solve some song sort soul sound south space
    spare speak speech spell spend spent split spoke sport spot spray staff stage stair stake stamp stand star stare start state stated states
    station stay steal steel step stick still stock stone stood stop store storm story strange stream street stress strict strike string strip
    stroke struck study stuff style sugar suit sum summer sun super sure sweet swept table tail take taken tale talk tall tape taste teach team
    tell tend term test text than thank that them then there these they thick thin thing think third this those though thought three threw
    throat throw tide tidy time times tiny tip tire title today toe told tone took tool tooth top topic total touch tough tour toward tower town
    trace track trade train trait treat tree trend trial tribe trick trip truck true truly trunk trust truth try tube tune turn twin twist type
    under union unit until upon upper upset urban urge used user usual vague valid value vary vast very view visit vital voice vote wage wait
    wake walk wall want warm wash waste watch water wave ways wear week weigh well were west what wheat wheel when where which while white who
    whole whose wide wife wild will wind wine wing wipe wire wise wish with woman wonder wood word wore work world worry worst worth would wound
    wrist write wrong wrote yard year yield young youth zone smiled closest openly wording finest bright slight tight fright flight
    lightly nightly rightly shortly blanket unable cable stable table noble normal formal moral cornea rested tested roused moused caused paused
    fined signed aligned lowers flowers towers powers mount mouths sharp sharper sharply stronger lonely early partly party parity purity prior
    spoon swoon start smart heart chart apart depart apply reply ripple triple shape shaped happy shape seal deal meal real heal zeal
    """.split()
)
