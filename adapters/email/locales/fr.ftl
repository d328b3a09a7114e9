subject = Message pour votre service : { $id }
attached = Le fichier joint contient le message { $id } de l’autorité d’un autre État. Il est chiffré.
due = Une réponse est attendue au plus tard le { $moment }.
password = Le mot de passe a été remis à votre service par une autre voie. Il n’est jamais envoyé par courriel, et personne ne vous le demandera par courriel.
no-answer = Ne répondez pas à ce courriel et n’envoyez rien par courriel au sujet d’un dossier. Répondez de la manière convenue avec votre point focal.
