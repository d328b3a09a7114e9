operator-nav-overview = Vue d’ensemble
operator-overview-heading = État de ce nœud
