# O que rodeia os valores codificados de uma mensagem. Códigos, campos e tipos estão em vocabularies/labels/.

moment = { $date }, { $time } UTC
state-and-address = { $state }, { $address }
international-body = organismo internacional

header-case = Caso
header-sender = De
header-recipient = Para
header-signed = Assinado em
header-urgency = Urgência
header-safety = Declaração
header-id = Mensagem
header-thread = Conversação
header-reply = Em resposta a
header-vocabulary = Versão do vocabulário

untranslated = não traduzido: { $language }
narrative-absent = O texto livre não é mostrado aqui.
identity-sealed = Identidade: parte selada, não mostrada.

broader = o código { $code } não é aqui conhecido; este é o conceito mais amplo mais próximo
unknown-code = aqui desconhecido

unreviewed = As designações são traduções do próprio projeto e não foram revistas oficialmente.
people-judge = O programa verifica a presença, as datas e as assinaturas; são as pessoas que avaliam o conteúdo.

agreement-title = Acordo sobre uma solução duradoura
agreement-between = Entre
agreement-digest = Impressão digital
agreement-proposal = Versão acordada (mensagem)
agreement-amends = Substitui o acordo
agreement-lifts = Responde às suspensões
agreement-terms = Condições
agreement-signed = Assinado por ambos os Estados
agreement-key = com a chave { $key }
agreement-rests-on = Assenta em
agreement-document = Documento
agreement-document-absent = Este documento não se encontra aqui.
agreement-parts-absent = O texto livre e a identidade estão vinculados pela impressão digital do acordo e não são mostrados aqui.
agreement-no-evidence = Esta página não é prova: a prova são os bytes assinados. Não diz se o acordo está em vigor.

page-of = Página { $page } de { $pages }
not-shown = { $count ->
    [one] { $count } carácter deste documento não pode ser impresso aqui e aparece como �. As versões HTML e de texto mostram-no.
   *[other] { $count } caracteres deste documento não podem ser impressos aqui e aparecem como �. As versões HTML e de texto mostram-nos.
}

numbered = { $label } { $number }
party-child = A criança
party-carer = Cuidador { $number }
party-person = Pessoa { $number }
party-place = Lugar { $number }

timeline-title = Cronologia do caso { $case }
timeline-count = { $count ->
    [one] { $count } acontecimento
    [many] { $count } de acontecimentos
   *[other] { $count } acontecimentos
}
timeline-empty = Ainda nada aconteceu.
timeline-party = de { $sender } para { $recipient }
timeline-due = resposta devida em { $moment }
timeline-due-on-basis = resposta devida em { $moment } ({ $basis })
timeline-days-left = { $days ->
    [0] termina hoje
    [one] falta { $days } dia
    [many] faltam { $days } de dias
   *[other] faltam { $days } dias
}
timeline-days-late = { $days ->
    [one] { $days } dia de atraso
    [many] { $days } de dias de atraso
   *[other] { $days } dias de atraso
}
timeline-refused = recusado: { $reason }
signed-by = assinado por { $issuer }

event-case-opened = Caso aberto
event-identity-shown = Parte da identidade mostrada a uma pessoa
event-parts-blocked = Texto livre e identidade bloqueados: ninguém os lê
event-parts-unblocked = Bloqueio levantado
event-hold-set = Ordem de conservação: nada é apagado
event-hold-lifted = Ordem de conservação levantada
event-identity-erased = Identidade apagada definitivamente
event-narrative-erased = Texto livre apagado definitivamente
event-message-refused = Mensagem recusada
event-deadline-passed = Prazo terminado sem resposta
event-case-key-destroyed = Identidade destruída com a sua chave
event-case-closed = Caso encerrado

report-title = Verificação das provas
report-whole = Íntegro: todas as assinaturas são válidas e nenhum elo falta, foi alterado ou está fora de ordem.
report-not-whole = { $count ->
    [one] Não íntegro: { $count } constatação.
    [many] Não íntegro: { $count } de constatações.
   *[other] Não íntegro: { $count } constatações.
}
report-where = em { $where }
report-as-of = Exportado em
report-proven = O que as provas demonstram
report-shown = apresentado como { $format }, língua: { $language }; resumo criptográfico { $digest }

statistics-title = Estatísticas de casos de tráfico de crianças
statistics-role = Papel deste Estado nos casos
statistics-period = Casos conhecidos no ano
statistics-stock = Casos conhecidos e não encerrados no fim de
statistics-made = Contagem de
statistics-total = Todos os casos
statistics-counted = Cada criança é contada uma só vez, pela referência do caso, por mais vezes que o caso tenha sido notificado. As presumíveis vítimas são contadas.
statistics-hidden = Um número inferior a { $threshold } não é indicado, nem o zero; oculta-se com ele outro número quando, de outro modo, poderia ser deduzido. Só se dá a soma do que está oculto. «Não indicado» não significa que não haja ninguém.
statistics-not-shown = não indicado
statistics-together = Soma do que não é indicado
statistics-fewer = menos de { $threshold }
statistics-corridor = Entre que Estados
statistics-other-corridors = Todos os outros pares de Estados
statistics-pair = { $destination } para { $origin }
statistics-several-forms = Várias formas
