"""Pairs of training crops: mixtures, sampling, augmentation."""
