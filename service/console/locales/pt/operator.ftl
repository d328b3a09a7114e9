operator-nav-overview = Visão geral
operator-overview-heading = Estado deste nó
