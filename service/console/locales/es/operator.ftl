operator-nav-overview = Vista general
operator-overview-heading = Estado de este nodo
