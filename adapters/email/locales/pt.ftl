subject = Mensagem para o seu serviço: { $id }
attached = O ficheiro anexo contém a mensagem { $id } da autoridade de outro Estado. Está cifrado.
due = Espera-se uma resposta até { $moment }.
password = A palavra-passe foi entregue ao seu serviço por outra via. Nunca é enviada por correio eletrónico, e ninguém a pedirá por esse meio.
no-answer = Não responda a esta mensagem nem envie por correio eletrónico nada sobre um processo. Responda da forma acordada com o seu ponto focal.
