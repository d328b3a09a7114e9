operator-nav-overview = 总览
operator-overview-heading = 本节点的状况
