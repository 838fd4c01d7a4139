"""`python -m asymnas`: the `asymnas` program."""

from asymnas.cli import main

if __name__ == "__main__":
    main()
