"""From a video to a heart rate: the one way that the command line, the library and evaluation all take."""
