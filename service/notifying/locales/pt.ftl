# What a mail says. Counts, kinds and dates; nothing here may take a name or a case.

notice-message-arrived =
    { $count ->
        [one] { $count } mensagem nova
       *[other] { $count } mensagens novas
    }
notice-message-refused =
    { $count ->
        [one] { $count } mensagem não foi aceite
       *[other] { $count } mensagens não foram aceites
    }
notice-message-sent-on =
    { $count ->
        [one] { $count } pedido foi encaminhado para outra autoridade
       *[other] { $count } pedidos foram encaminhados para outra autoridade
    }
notice-due-soon =
    { $count ->
        [one] { $count } resposta vence em breve
       *[other] { $count } respostas vencem em breve
    }
notice-overdue =
    { $count ->
        [one] { $count } resposta está em atraso
       *[other] { $count } respostas estão em atraso
    }
notice-escalated =
    { $count ->
        [one] { $count } resposta em atraso foi comunicada ao nível superior
       *[other] { $count } respostas em atraso foram comunicadas ao nível superior
    }
notice-lapsed =
    { $count ->
        [one] { $count } assunto caducou
       *[other] { $count } assuntos caducaram
    }
notice-clock-differs =
    { $count ->
        [one] { $count } prazo é calculado de outro modo pela outra autoridade
       *[other] { $count } prazos são calculados de outro modo pela outra autoridade
    }
notice-approval-waiting =
    { $count ->
        [one] { $count } proposta aguarda uma segunda pessoa
       *[other] { $count } propostas aguardam uma segunda pessoa
    }
notice-approval-decided =
    { $count ->
        [one] { $count } proposta foi decidida
       *[other] { $count } propostas foram decididas
    }
notice-identity-released =
    { $count ->
        [one] { $count } acesso a dados de identidade foi concedido
       *[other] { $count } acessos a dados de identidade foram concedidos
    }
notice-protection-unknown =
    { $count ->
        [one] É preciso determinar de novo o estado da proteção em 1 processo
       *[other] É preciso determinar de novo o estado da proteção em { $count } processos
    }
notice-stuck =
    { $count ->
        [one] { $count } elemento está parado
       *[other] { $count } elementos estão parados
    }
notice-key-ending =
    { $count ->
        [one] { $count } chave expira em breve
       *[other] { $count } chaves expiram em breve
    }
notice-directory-ending =
    { $count ->
        [one] { $count } entrada do diretório expira em breve
       *[other] { $count } entradas do diretório expiram em breve
    }
notice-split-view =
    { $count ->
        [one] { $count } nó vê um diretório diferente
       *[other] { $count } nós veem um diretório diferente
    }
notice-relay-failed =
    { $count ->
        [one] { $count } mensagem não pôde ser retransmitida
       *[other] { $count } mensagens não puderam ser retransmitidas
    }
notice-adapter-unwell =
    { $count ->
        [one] { $count } ligação a outro sistema não funciona
       *[other] { $count } ligações a outros sistemas não funcionam
    }
several =
    { $count ->
        [one] { $count } aviso
       *[other] { $count } avisos
    }

with-due = { $what }, prazo em { $date }
with-first-due = { $what }, primeiro prazo em { $date }
with-until = { $what }, até { $date }
with-first-until = { $what }, primeiro termo em { $date }

open = Abrir o Focalpoint:
nothing-else = Esta mensagem nada diz sobre nenhum caso, e nenhuma outra o fará. As respostas não são lidas.
who-decides = O seu administrador decide o que é enviado para esta caixa de correio e quando.
