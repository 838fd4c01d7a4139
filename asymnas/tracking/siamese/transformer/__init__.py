"""TransT: template and search crop meet in attention instead of correlation (Chen et al., CVPR 2021; VLT's VLT_TT)."""
