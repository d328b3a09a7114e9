# Ce qui entoure les valeurs codées d’un message. Codes, champs et types sont dans vocabularies/labels/.

moment = { $date } à { $time } UTC
state-and-address = { $state }, { $address }
international-body = organisme international

header-case = Affaire
header-sender = De
header-recipient = À
header-signed = Signé le
header-urgency = Urgence
header-safety = Déclaration
header-id = Message
header-thread = Échange
header-reply = En réponse à
header-vocabulary = Version du vocabulaire

untranslated = non traduit : { $language }
narrative-absent = Le texte libre n’est pas affiché ici.
identity-sealed = Identité : partie scellée, non affichée.

broader = le code { $code } n’est pas connu ici ; voici le concept plus large le plus proche
unknown-code = inconnu ici

unreviewed = Les libellés sont des traductions du projet et n’ont pas été révisés officiellement.
people-judge = Le logiciel contrôle la présence, les dates et les signatures ; ce sont des personnes qui jugent le contenu.

agreement-title = Accord sur une solution durable
agreement-between = Entre
agreement-digest = Empreinte
agreement-proposal = Version convenue (message)
agreement-amends = Remplace l’accord
agreement-lifts = Répond aux suspensions
agreement-terms = Clauses
agreement-signed = Signé par les deux États
agreement-key = avec la clé { $key }
agreement-rests-on = Repose sur
agreement-document = Pièce
agreement-document-absent = Ce document n’est pas détenu ici.
agreement-parts-absent = Le texte libre et l’identité sont liés par l’empreinte de l’accord et ne sont pas montrés ici.
agreement-no-evidence = Cette page n’est pas une preuve : ce sont les octets signés qui font foi. Elle ne dit pas si l’accord est en vigueur.

page-of = Page { $page } sur { $pages }
not-shown = { $count ->
    [one] { $count } caractère de ce document ne peut pas être imprimé ici et est remplacé par �. Les versions HTML et texte l’affichent.
   *[other] { $count } caractères de ce document ne peuvent pas être imprimés ici et sont remplacés par �. Les versions HTML et texte les affichent.
}

numbered = { $label } { $number }
party-child = L’enfant
party-carer = Personne pouvant accueillir { $number }
party-person = Personne { $number }
party-place = Lieu { $number }

timeline-title = Chronologie de l’affaire { $case }
timeline-count = { $count ->
    [one] { $count } événement
    [many] { $count } d’événements
   *[other] { $count } événements
}
timeline-empty = Rien ne s’est encore passé.
timeline-party = de { $sender } à { $recipient }
timeline-due = réponse attendue le { $moment }
timeline-due-on-basis = réponse attendue le { $moment } ({ $basis })
timeline-days-left = { $days ->
    [0] échéance aujourd’hui
    [one] { $days } jour restant
    [many] { $days } de jours restants
   *[other] { $days } jours restants
}
timeline-days-late = { $days ->
    [one] { $days } jour de retard
    [many] { $days } de jours de retard
   *[other] { $days } jours de retard
}
timeline-refused = refusé : { $reason }
signed-by = signé par { $issuer }

event-case-opened = Affaire ouverte
event-identity-shown = Partie d’identité montrée à une personne
event-parts-blocked = Texte libre et identité bloqués : personne ne les lit
event-parts-unblocked = Blocage levé
event-hold-set = Obligation de conservation : rien n’est effacé
event-hold-lifted = Obligation de conservation levée
event-identity-erased = Identité effacée définitivement
event-narrative-erased = Texte libre effacé définitivement
event-message-refused = Message refusé
event-deadline-passed = Échéance dépassée sans réponse
event-case-key-destroyed = Identité détruite avec sa clé
event-case-closed = Affaire close

report-title = Vérification des preuves
report-whole = Intact : chaque signature est valable et aucun maillon ne manque, n’est altéré ni déplacé.
report-not-whole = { $count ->
    [one] Non intact : { $count } constat.
    [many] Non intact : { $count } de constats.
   *[other] Non intact : { $count } constats.
}
report-where = à { $where }
report-as-of = Exporté le
report-proven = Ce que prouvent les preuves
report-shown = présenté en { $format }, langue : { $language } ; empreinte { $digest }

statistics-title = Statistiques des affaires de traite d’enfants
statistics-role = Rôle de cet État dans les affaires
statistics-period = Affaires dont l’existence a été connue dans l’année
statistics-stock = Affaires connues et non closes à la fin du
statistics-made = Dénombrement du
statistics-total = Ensemble des affaires
statistics-counted = Chaque enfant est compté une seule fois, d’après la référence de l’affaire, quel que soit le nombre de notifications. Les victimes présumées sont comptées.
statistics-hidden = Un nombre inférieur à { $threshold } n’est pas indiqué, zéro compris ; un autre nombre est masqué avec lui lorsqu’on pourrait sinon le déduire. Seule la somme des nombres masqués est donnée. « Non indiqué » ne veut pas dire qu’il n’y a personne.
statistics-not-shown = non indiqué
statistics-together = Ensemble des nombres non indiqués
statistics-fewer = moins de { $threshold }
statistics-corridor = Entre quels États
statistics-other-corridors = Toutes les autres paires d’États
statistics-pair = { $destination } vers { $origin }
statistics-several-forms = Plusieurs formes

indicators-title = Dans quels délais les États se répondent
indicators-year = Demandes faites dans l’année
indicators-as-of = Situation au
indicators-told-at = Communiqué par l’autre nœud
indicators-none = Aucune demande de l’année { $year } n’est encore à compter.
indicators-corridor = { $asking } demande à { $answering }
indicators-for-states = Destiné aux deux États de chaque corridor. Quand les demandes sont peu nombreuses, un chiffre peut désigner le cas d’un seul enfant : ne diffusez pas cette page ; la forme publiée est faite pour le public.
indicators-requests = Demandes
indicators-accepted-in-seven-days = Acceptées dans les 7 jours
indicators-not-accepted-in-seven-days = Non acceptées dans les 7 jours
indicators-accepted-in-time = Acceptées avant l’échéance
indicators-answered-in-time = Ayant reçu une réponse avant l’échéance
indicators-answered-late = Ayant reçu une réponse après l’échéance
indicators-answered-in-first-time = Ayant reçu une réponse avant l’échéance fixée au départ
indicators-median-days = Jours jusqu’à la réponse, médiane
indicators-ninetieth-days = Jours jusqu’à la réponse, 90e centile
indicators-days-of = Demandes sur lesquelles porte ce calcul
indicators-of = { $figure } : sur combien
indicators-not-reached = non atteint : trop de demandes restent sans réponse
indicators-answered = Ayant reçu une réponse
indicators-lapsed = Devenues caduques sans réponse
indicators-open = Encore en cours
indicators-declined = Refusées
indicators-withdrawn = Retirées par l’autorité requérante
indicators-concluded = Conclues par l’autorité requérante sans réponse
indicators-extended = Ayant reçu une nouvelle date
indicators-not-extended = Sans nouvelle date
indicators-redirected = Réorientées vers une autre autorité
indicators-not-redirected = Non réorientées
indicators-paused = Délai suspendu par une question
indicators-paused-days = Jours entiers de suspension du délai, toutes demandes confondues
indicators-paused-seconds = Secondes de suspension du délai, toutes demandes confondues
indicators-share = { $percent } % ({ $part } sur { $of })
indicators-share-of-none = rien à dire pour l’instant (sur 0)
indicators-beside = En regard des chiffres de : { $state }
indicators-agree = Les deux États comptent de la même façon.
indicators-differ = Les deux États comptent différemment. Un message, ou la preuve de son arrivée, se trouve chez l’un et non chez l’autre.
indicators-other-definition = L’autre nœud compte selon une autre définition ; ses chiffres ne sont pas comparables.
indicators-both = ici { $ours }, là-bas { $theirs }
indicators-about = Ce que disent les chiffres
indicators-about-moments = Comptent les dates signées des messages des autorités, et seulement les messages dont une preuve signée atteste que l’autre nœud les avait avant l’instant indiqué. Le moment où un nœud a reçu quelque chose ne joue aucun rôle. Les deux États calculent donc la même chose.
indicators-about-accepted = Acceptée : l’autorité chargée de la demande l’a acceptée, ou y a répondu directement.
indicators-about-seven-days = Dans les 7 jours, soit 168 heures : c’est l’indicateur du système d’information du marché intérieur de l’Union européenne (IMI). L’échéance pour l’acceptation en est une autre.
indicators-about-answered = Réponse : le rapport, le résultat, la contribution ou la réponse à la proposition a été envoyé. Pour la notification d’un cas, l’acceptation est la réponse. L’échéance comprend le temps pendant lequel des questions ont suspendu le délai, ainsi qu’une nouvelle date, s’ils ont été signés avant la réponse.
indicators-about-first-time = Avant l’échéance fixée au départ : sans suspensions ni nouvelles dates.
indicators-about-shares = Une part figure à côté du nombre auquel elle se rapporte. Les demandes dont le délai n’est pas écoulé, ou qui ont pris fin autrement avant, n’y sont pas comptées.
indicators-about-days = Jours jusqu’à la réponse : un jour entamé compte. Le chiffre porte sur les demandes ayant reçu une réponse, caduques ou en cours ; une demande sans réponse compte comme plus longue que toute autre. Sur n demandes rangées dans l’ordre, le 90e centile est celle de rang 0,9 × n, arrondi vers le haut ; la médiane, celle de rang 0,5 × n.
indicators-about-ends = Chaque demande figure à un seul endroit : ayant reçu une réponse (même tardive), conclue sans réponse, refusée, retirée, caduque ou en cours. Le silence n’est jamais une réponse.
indicators-about-paused = Le délai est suspendu depuis une question de l’autorité requise jusqu’à la réponse à cette question, pour un temps limité.

# What an intermediary typed, and what a State accepted on paper.
header-via = Saisi par
via-on-behalf = { $via } au nom de { $sender }
via-attested = Attesté : reçu sous la forme « { $form } » le { $date }. Degré de certitude : { $strength }.
via-attested-again = Attesté de nouveau, d’après un autre original ; le plus faible compte : reçu sous la forme « { $form } » le { $date }. Degré de certitude : { $strength }.
via-not-attested = Non attesté : l’intermédiaire n’a pas encore dit d’après quoi il a saisi ce message.
via-attestation = Attestation de l’intermédiaire lui-même
paper-title = Solution durable acceptée sur papier
paper-title-ended = Solution durable qui n’est plus acceptée sur papier
paper-ended-means = Cette version ne vaut plus. Ce qui suit montre ce qui en a été dit auparavant, et rien qui puisse être exécuté.
paper-no-agreement = Ceci n’est pas un accord. Un seul État a signé cette version ; l’autre ne l’a pas signée : son consentement est venu sur papier.
paper-version = Version acceptée sur papier (message)
paper-signed = Signé par un seul État
paper-consent = Consentement sur papier
paper-of = Auteur du document papier
paper-attested-by = Attesté par
paper-attestation = Attestation (message qui la porte)
paper-scan = Empreinte de la numérisation
paper-confirmed-by = Confirmé par deux personnes de
paper-parts-absent = Le texte libre et l’identité sont liés par l’empreinte de la version et ne sont pas montrés ici.
paper-no-evidence = Cette page n’est pas une preuve : ce sont les déclarations signées qui font foi. Elle ne dit pas si ce qui a été accepté vaut encore.
paper-consents = Consentement sur papier à la version portant cette empreinte : { $digest }. Il ne constitue pas un accord.
paper-proven = Accepté sur papier, sans accord
paper-proven-ended = N’est plus accepté sur papier
paper-end-refused = Refusé par
paper-end-withdrawn = Retiré par
paper-end-revoked = Révoqué par
paper-end-superseded = Remplacé par une version plus récente de
paper-end-not-mandated = Attesté sans mandat par
