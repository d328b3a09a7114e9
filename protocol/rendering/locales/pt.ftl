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

indicators-title = Com que pontualidade os Estados respondem uns aos outros
indicators-year = Pedidos feitos no ano
indicators-as-of = Situação em
indicators-told-at = Comunicado pelo outro nó
indicators-none = Nenhum pedido do ano { $year } conta ainda.
indicators-corridor = { $asking } pede a { $answering }
indicators-for-states = Para os dois Estados de cada corredor. Com poucos pedidos, um número pode ser o caso de uma só criança: não divulgue esta página; para o público existe a forma publicada.
indicators-requests = Pedidos
indicators-accepted-in-seven-days = Aceites em 7 dias
indicators-not-accepted-in-seven-days = Não aceites em 7 dias
indicators-accepted-in-time = Aceites antes do fim do prazo
indicators-answered-in-time = Respondidos antes do fim do prazo
indicators-answered-late = Respondidos depois do fim do prazo
indicators-answered-in-first-time = Respondidos antes do fim do prazo fixado no início
indicators-median-days = Dias até à resposta, mediana
indicators-ninetieth-days = Dias até à resposta, percentil 90
indicators-days-of = Pedidos a que o cálculo se refere
indicators-of = { $figure }: de quantos
indicators-not-reached = não atingido: demasiados continuam sem resposta
indicators-answered = Respondidos
indicators-lapsed = Caducados sem resposta
indicators-open = Ainda em aberto
indicators-declined = Recusados
indicators-withdrawn = Retirados pela autoridade requerente
indicators-concluded = Concluídos pela autoridade requerente sem resposta
indicators-extended = Com nova data
indicators-not-extended = Sem nova data
indicators-redirected = Reencaminhados para outra autoridade
indicators-not-redirected = Não reencaminhados
indicators-paused = Prazo suspenso por uma pergunta
indicators-paused-days = Dias completos de suspensão do prazo, todos os pedidos juntos
indicators-paused-seconds = Segundos de suspensão do prazo, todos os pedidos juntos
indicators-share = { $percent } % ({ $part } de { $of })
indicators-share-of-none = nada a dizer por enquanto (de 0)
indicators-beside = Ao lado dos números de: { $state }
indicators-agree = Os dois Estados contam o mesmo.
indicators-differ = Os dois Estados contam de modo diferente. Uma mensagem, ou a prova de que chegou, está num deles e não no outro.
indicators-other-definition = O outro nó conta segundo outra definição; os seus números não podem ser comparados.
indicators-both = aqui { $ours }, lá { $theirs }
indicators-about = O que significam os números
indicators-about-moments = Contam as datas assinadas das mensagens das autoridades, e só as mensagens de que uma prova assinada diz que o outro nó as tinha antes do instante indicado. O momento em que um nó recebeu algo não tem influência. Por isso os dois Estados calculam o mesmo.
indicators-about-accepted = Aceite: a autoridade competente aceitou o pedido, ou respondeu-lhe diretamente.
indicators-about-seven-days = Em 7 dias, ou seja, 168 horas: é o indicador do Sistema de Informação do Mercado Interno da União Europeia (IMI). O prazo para a aceitação é outro.
indicators-about-answered = Respondido: foi enviado o relatório, o resultado, a contribuição ou a resposta à proposta. Na notificação de um caso, a aceitação é a resposta. O prazo inclui o tempo em que perguntas o suspenderam, e uma nova data, se foram assinadas antes da resposta.
indicators-about-first-time = Antes do fim do prazo fixado no início: sem suspensões nem novas datas.
indicators-about-shares = Uma proporção está ao lado do número a que se refere. Os pedidos cujo prazo não terminou, ou que acabaram antes de outro modo, não são contados nela.
indicators-about-days = Dias até à resposta: o dia começado conta. O número abrange os pedidos respondidos, caducados e em aberto; um pedido sem resposta conta como mais longo do que qualquer outro. De n pedidos ordenados, o percentil 90 é o que ocupa o lugar 0,9 × n, arredondado para cima; a mediana, o do lugar 0,5 × n.
indicators-about-ends = Cada pedido está num só lugar: respondido (também com atraso), concluído sem resposta, recusado, retirado, caducado ou em aberto. O silêncio nunca é uma resposta.
indicators-about-paused = O prazo fica suspenso desde uma pergunta da autoridade requerida até à resposta a essa pergunta, por um tempo limitado.

# What an intermediary typed, and what a State accepted on paper.
header-via = Transcrito por
via-on-behalf = { $via } em nome de { $sender }
via-attested = Atestado: recebido sob a forma «{ $form }» em { $date }. Grau de certeza: { $strength }.
via-attested-again = Atestado de novo, a partir de outro original; conta o mais fraco: recebido sob a forma «{ $form }» em { $date }. Grau de certeza: { $strength }.
via-not-attested = Não atestado: o intermediário ainda não disse a partir de que o transcreveu.
via-attestation = Atestação do próprio intermediário
paper-title = Solução duradoura aceite em papel
paper-title-ended = Solução duradoura que já não está aceite em papel
paper-ended-means = Esta versão não se mantém. O que se segue mostra o que dela se disse antes, e nada que possa ser executado.
paper-no-agreement = Isto não é um acordo. Um Estado assinou esta versão; o outro não a assinou: o seu consentimento chegou em papel.
paper-version = Versão aceite em papel (mensagem)
paper-signed = Assinado por um só Estado
paper-consent = Consentimento em papel
paper-of = Autor do documento em papel
paper-attested-by = Atestado por
paper-attestation = Atestação (mensagem)
paper-scan = Impressão digital da digitalização
paper-confirmed-by = Confirmado por duas pessoas de
paper-parts-absent = O texto livre e a identidade estão vinculados pela impressão digital da versão e não são mostrados aqui.
paper-no-evidence = Esta página não é prova: a prova são as declarações assinadas. Não diz se o que foi aceite se mantém.
paper-consents = Consentimento em papel à versão com esta impressão digital: { $digest }. Não constitui um acordo.
paper-proven = Aceite em papel, não acordado
paper-proven-ended = Já não está aceite em papel
paper-end-refused = Recusado por
paper-end-withdrawn = Retirado por
paper-end-revoked = Revogado por
paper-end-superseded = Substituído por uma versão mais recente de
paper-end-not-mandated = Atestado sem mandato por
