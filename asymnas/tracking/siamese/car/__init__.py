"""SiamCAR: a classification, a box and a centre-ness at each cell of one correlation map."""
