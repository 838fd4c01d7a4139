"""SiamRPN++: anchors, depth-wise RPN head over several levels, anchor labels, losses and decoding."""
