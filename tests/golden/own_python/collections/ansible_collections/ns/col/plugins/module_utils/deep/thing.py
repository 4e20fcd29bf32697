from ..other import NUMBER


def answer():
    return NUMBER + 1
