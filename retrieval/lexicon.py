"""Closed word lists by which names are told from other capitalised words, and from each other."""

TITLES = frozenset(
    "mr mrs ms miss mx dr prof professor capt captain cpt col colonel lt lieutenant sgt sergeant cmdr "
    "commander maj sir dame messrs herr frau monsieur madame signor signora señor señora".split()
)
"""Forms of address: evidence of a person, and no part of the name."""

OFFICES = frozenset(
    "president minister director chairman chairwoman chairperson chief inspector detective ambassador judge "
    "officer agent secretary senator governor mayor general admiral major managing deputy prime vice senior "
    "junior superintendent constable attorney counsel analyst commissioner special executive partner "
    "accountant manager coach".split()
)
"""Offices written with a capital before a person's name; no part of the name either."""

MODIFIERS = frozenset("managing deputy prime vice senior junior special executive chief".split())
"""Offices only before another office ("Deputy Director", not "Prime Logistics")."""

NOBLE = frozenset(
    "king queen prince princess emperor empress duke duchess count countess lord lady pope saint st "
    "archduke archduchess baron baroness sultan shah tsar".split()
)
"""Titles that are part of how somebody is named ("Princess Mafalda of Savoy")."""

LEGAL = frozenset(
    "ltd limited llc inc incorporated gmbh ag sa sarl srl bv nv plc llp lp corp co oy oyj ab as asa aps "
    "doo dd kft spa pte pty ooo oao zao pao sia uab ou kg kgaa ug se sro zrt sas eurl lda ltda fze fzco fzc "
    "jsc cjsc ojsc pjsc bhd sdn kk".split()
)
"""Legal forms: evidence of an organisation, and dropped from its key."""

ORGANISATION_LAST = frozenset(
    "bank university institute agency company holding holdings shipping trading group foundation authority "
    "department committee council court police commission association society union office bureau registry "
    "corporation partners capital logistics consulting consultancy services airlines airways industries "
    "records pictures studios college school academy army navy force party club press orchestra enterprises "
    "ventures investments finance trust fund systems technologies solutions chartering brokers brokerage "
    "maritime marine lines forwarding freight exports imports import export insurance securities associates "
    "brothers ministry directorate inspectorate customs embassy consulate parliament senate federation "
    "league team unit intelligence service media news hospital church museum international energy petroleum "
    "oil gas steel chemicals pharmaceuticals motors electric software entertainment productions".split()
)
"""Words that end the names of organisations."""

ORGANISATION_FIRST = frozenset(
    "ministry department bank university institute bureau directorate office embassy federation republic's "
    "consulate commission committee association college academy federal".split()
)
"""Words that begin them, with "of" or "for" after."""

COMPOUND_FIRST = frozenset("ministry department directorate committee office institute".split())
"""Of those, the ones whose names join two matters by "and" ("Ministry of Trade and Industry")."""

PLACE_LAST = frozenset(
    "street road avenue lane quay wharf harbour harbor port island islands river lake bay sea ocean mountain "
    "mountains hill valley county province district city town village airport station terminal pier berth "
    "square bridge park beach peninsula strait canal coast desert forest abbey "
    "cathedral monastery palace castle".split()
)
PLACE_FIRST = frozenset(
    "port lake mount cape gulf strait isle city county province republic".split()
)

VESSEL_PREFIXES = frozenset(
    "mv m/v mt m/t ss s/s hms uss rms fv f/v sy s/y my m/y hmcs hmas rfa usns msc ms ts".split()
)
"""Prefixes of ships' names; "MS" and "TS" only in capitals, "Ms" is a form of address."""
VESSEL_NOUNS = frozenset(
    "vessel ship tanker freighter trawler yacht boat ferry barge coaster schooner steamer tug".split()
)

PARTICLES = frozenset(
    "de da di du del della dei des dos das do der den van von zu zur und ten ter of the la le les el al "
    "bin ibn bint abu y e af av for".split()
)
"""Lower-case words inside names; those that may also begin or join prose need a capital on both sides."""

COUNTRIES = frozenset(
    "afghanistan albania algeria andorra angola argentina armenia australia austria azerbaijan bahamas "
    "bahrain bangladesh barbados belarus belgium belize benin bhutan bolivia bosnia botswana brazil brunei "
    "bulgaria burundi cambodia cameroon canada chad chile china colombia congo croatia cuba cyprus denmark "
    "djibouti ecuador egypt eritrea estonia ethiopia fiji finland france gabon gambia germany ghana greece "
    "guatemala guinea guyana haiti honduras hungary iceland india indonesia iran iraq ireland israel italy "
    "jamaica japan kazakhstan kenya kuwait kyrgyzstan laos latvia lebanon liberia libya liechtenstein "
    "lithuania luxembourg madagascar malawi malaysia maldives mali malta mauritania mauritius mexico "
    "moldova monaco mongolia montenegro morocco mozambique myanmar namibia nepal netherlands nicaragua "
    "niger nigeria norway oman pakistan panama paraguay peru philippines poland portugal qatar romania "
    "russia rwanda samoa senegal serbia seychelles singapore slovakia slovenia somalia spain sudan "
    "suriname sweden switzerland syria taiwan tajikistan tanzania thailand togo tonga tunisia turkey "
    "turkmenistan uganda ukraine uruguay uzbekistan vanuatu venezuela vietnam yemen zambia zimbabwe europe "
    "africa asia england scotland wales kosovo gibraltar".split()
) | frozenset(
    ["united kingdom", "united states", "united arab emirates", "marshall islands", "cayman islands",
     "british virgin islands", "south korea", "north korea", "south africa", "new zealand", "saudi arabia",
     "sri lanka", "costa rica", "czech republic", "north macedonia", "hong kong", "san marino", "isle of man"]
)  # fmt: skip

DEMONYMS = frozenset(
    "afghan african albanian algerian american arab arabic argentine argentinian armenian asian australian "
    "austrian azerbaijani bavarian belgian brazilian british bulgarian burmese cambodian canadian catalan chilean "
    "chinese christian colombian croat croatian cuban cypriot czech danish dutch egyptian emirati english estonian "
    "ethiopian european filipino finnish flemish french georgian german ghanaian greek hindi hungarian "
    "icelandic indian indonesian iranian iraqi irish islamic israeli italian jamaican japanese jewish "
    "kazakh kenyan korean kuwaiti latin latvian lebanese liberian libyan lithuanian macedonian malay "
    "malaysian maltese mexican moldovan montenegrin moroccan muslim nepali nigerian norwegian "
    "pakistani panamanian persian peruvian polish portuguese romanian russian saudi scottish serb serbian "
    "singaporean slovak slovene slovenian somali soviet spanish sudanese swedish swiss syrian taiwanese "
    "tamil telugu thai tunisian turkish ukrainian venezuelan vietnamese welsh yemeni hebrew bengali "
    "malayalam kannada sinhala catholic protestant roman buddhist hindu byzantine".split()
)
"""Of a people, a tongue or a creed: alone they name nothing that can be asked about."""

ORDINARY = frozenset(
    "a about above according across after afterwards again against ago all almost along already also "
    "although always am among an and another any anybody anyone anything are around as asked at away back "
    "based be because been before behind being below besides between beyond born both but by call called "
    "can cannot check could date despite did do does done don't down due during each earlier either else "
    "even eventually every everybody everyone everything except few finally first five following for "
    "former formerly four from full further get given had has have having he hello hence her here hers "
    "hi him his how however i i'm i've i'll i'd if in indeed initially inside instead into is it its "
    "it's itself just known last late later least less let like likewise made many maybe me meanwhile "
    "might mine more moreover most mostly much must my near nearly neither never nevertheless new next "
    "nine no nobody none nor not note nothing notes now of off often oh ok okay old on once one only or "
    "originally other others otherwise our ours out outside over overall own per perhaps please possibly "
    "previously probably quite rather re really regarding regards reply said same second see seven "
    "several shall she should since six so some somebody someone something sometimes soon still such "
    "ten than thank thanks that that's the their theirs them then there thereafter therefore these they "
    "they're third this those though three through throughout thus till to today together tomorrow too "
    "toward towards two under unfortunately unless unlike until up upon us usually very via was we we're "
    "well were what what's when whenever where whereas whether which while who who's whom whose why will "
    "with within without would yes yesterday yet you you're your yours best dear sincerely hello kind "
    "not only original part parts people subject from to cc bcc sent attached source sources summary "
    "comment comments assessment background conclusion introduction details appendix annex page pages "
    "section paragraph figure table item items total balance amount payment payments transfer transfers "
    "invoice invoices account accounts money cash police officers investigators analysts sources "
    "records documents files reports report interview interviews statement statements meeting meetings "
    "email emails message messages phone phones calls question answer agenda action actions status "
    "name names address company companies shareholder shareholders director directors owner owners "
    "witness witnesses suspect suspects subject subjects contact contacts vessel vessels ship ships "
    "cargo crew container containers port bank banks film films album albums song songs band bands "
    "book books story plot production filming critics reviews music lyrics directed written produced "
    "released starring featuring set adapted founded established located situated bordered shot "
    "married educated raised critics children women men students members scientists researchers "
    "additionally furthermore currently recently subsequently consequently similarly specifically "
    "especially particularly generally historically traditionally nowadays".split()
)
"""Words that begin sentences (or headings and field names) without being names."""

NOT_NAMES = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july "
    "august september october november december jan feb mar apr jun jul aug sep sept oct nov dec am pm "
    "cet cest utc gmt est pst edt eur usd gbp chf id no nr tbc tbd na n/a nb ps asap fyi re fw fwd cc "
    "ad bc bce ce tv dvd cd ii iii iv usa's u c s ts nf rel ok imo mmsi iban vat christmas easter".split()
)
"""Capitalised wherever they stand, and no names alone."""

AGENT_VERBS = frozenset(
    "said says told tells met meets paid pays owns owned signed wrote writes called phoned sent sends asked "
    "married died lives lived works worked joined left arrived sailed studied played directed founded "
    "succeeded replied confirmed denied agreed refused claimed stated explained bought sold travelled "
    "returned instructed introduced admitted insisted described recalled became served moved visited "
    "received ordered transferred attended won retired grew taught appointed hired flew drove".split()
)
"""What follows a name rather than a common noun at a sentence's start."""

SPEECH_VERBS = frozenset(
    "said says told tells met asked married died lives lived replied confirmed denied admitted insisted "
    "recalled explained studied retired grew claimed smiled resigned phoned travelled".split()
)
"""What persons do and organisations or ships seldom do."""

ROLES = frozenset(
    "director captain owner agent lawyer wife husband brother sister son daughter father mother cousin "
    "colonel accountant broker secretary shareholder chairman founder manager partner nephew niece uncle "
    "aunt friend colleague composer singer actor actress writer author poet painter driver banker trader "
    "widow president politician musician officer inspector detective analyst witness suspect nominee".split()
)
"""Lower-case words directly before a person's name, or after "is a" behind it."""
