"""``python -m statefun_actors``: the command line."""

from statefun_actors.cli import main

if __name__ == "__main__":
    main(prog_name="statefun-actors")
