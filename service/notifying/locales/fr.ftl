# What a mail says. Counts, kinds and dates; nothing here may take a name or a case.

notice-message-arrived =
    { $count ->
        [one] { $count } nouveau message
       *[other] { $count } nouveaux messages
    }
notice-message-refused =
    { $count ->
        [one] { $count } message n’a pas été accepté
       *[other] { $count } messages n’ont pas été acceptés
    }
notice-message-sent-on =
    { $count ->
        [one] { $count } demande a été transmise à une autre autorité
       *[other] { $count } demandes ont été transmises à une autre autorité
    }
notice-due-soon =
    { $count ->
        [one] { $count } réponse est attendue prochainement
       *[other] { $count } réponses sont attendues prochainement
    }
notice-overdue =
    { $count ->
        [one] { $count } réponse est en retard
       *[other] { $count } réponses sont en retard
    }
notice-escalated =
    { $count ->
        [one] { $count } réponse en retard a été signalée à l’échelon supérieur
       *[other] { $count } réponses en retard ont été signalées à l’échelon supérieur
    }
notice-lapsed =
    { $count ->
        [one] { $count } élément est devenu caduc
       *[other] { $count } éléments sont devenus caducs
    }
notice-clock-differs =
    { $count ->
        [one] { $count } délai est calculé autrement par l’autre autorité
       *[other] { $count } délais sont calculés autrement par l’autre autorité
    }
notice-approval-waiting =
    { $count ->
        [one] { $count } proposition attend une deuxième personne
       *[other] { $count } propositions attendent une deuxième personne
    }
notice-approval-decided =
    { $count ->
        [one] { $count } proposition a fait l’objet d’une décision
       *[other] { $count } propositions ont fait l’objet d’une décision
    }
notice-identity-released =
    { $count ->
        [one] { $count } accès à des données d’identité a été accordé
       *[other] { $count } accès à des données d’identité ont été accordés
    }
notice-protection-unknown =
    { $count ->
        [one] Le statut de protection de 1 dossier est à établir de nouveau
       *[other] Le statut de protection de { $count } dossiers est à établir de nouveau
    }
notice-stuck =
    { $count ->
        [one] { $count } élément n’avance plus
       *[other] { $count } éléments n’avancent plus
    }
notice-key-ending =
    { $count ->
        [one] { $count } clé expire bientôt
       *[other] { $count } clés expirent bientôt
    }
notice-directory-ending =
    { $count ->
        [one] { $count } inscription à l’annuaire expire bientôt
       *[other] { $count } inscriptions à l’annuaire expirent bientôt
    }
notice-split-view =
    { $count ->
        [one] { $count } autre nœud voit un annuaire différent
       *[other] { $count } autres nœuds voient un annuaire différent
    }
notice-relay-failed =
    { $count ->
        [one] { $count } message n’a pas pu être relayé
       *[other] { $count } messages n’ont pas pu être relayés
    }
notice-adapter-unwell =
    { $count ->
        [one] { $count } liaison avec un autre système ne fonctionne pas
       *[other] { $count } liaisons avec d’autres systèmes ne fonctionnent pas
    }
several =
    { $count ->
        [one] { $count } avis
       *[other] { $count } avis
    }

with-due = { $what }, échéance le { $date }
with-first-due = { $what }, première échéance le { $date }
with-until = { $what }, jusqu’au { $date }
with-first-until = { $what }, premier terme le { $date }

open = Ouvrir Focalpoint :
nothing-else = Ce courriel ne dit rien d’aucun dossier, et aucun autre n’en dira rien. Les réponses ne sont pas lues.
who-decides = Votre administrateur décide de ce qui est envoyé à cette boîte, et quand.
