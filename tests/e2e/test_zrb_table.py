"""zrb's table of subcommands against what is told of it: --help, the man page, the completions, the README."""

import re
import subprocess

import pytest

from harness.bridge import PACK
from harness.wire import ROOT
from harness.zrb import Zrb

pytestmark = pytest.mark.skipif(PACK > 1, reason="packing does not concern it")


@pytest.fixture(scope="module")
def zrb(tmp_path_factory):
    return Zrb(None, tmp_path_factory.mktemp("home"))


def _commands(zrb):
    return re.findall(r"^  (\w+) ", zrb.out("--help"), re.M)


def _options(zrb, command):
    """[(letter, name)] as --help tells them."""
    options = re.findall(r"^ +(?:-(\w), )?--([a-z-]+)", zrb.out(command, "--help"), re.M)
    assert ("h", "help") in options
    return options


@pytest.mark.parametrize("argv, path", [
    (["--man"], "deploy/man/zrb.1"),
    (["--completion", "bash"], "deploy/completion/zrb.bash"),
    (["--completion", "zsh"], "deploy/completion/_zrb"),
])
def test_what_is_installed_is_what_the_table_makes(zrb, argv, path):
    made = zrb.out(*argv)
    assert (ROOT / path).read_text(encoding="utf-8") == made, f"stale: zrb {' '.join(argv)} >{path}"


def test_man_page_and_completions_have_every_option(zrb):
    man = zrb.out("--man").replace("\\-", "-")
    bash, zsh = zrb.out("--completion", "bash"), zrb.out("--completion", "zsh")
    for command in _commands(zrb):
        assert f'.SS "zrb {command} ' in man and f"    '{command}:" in zsh
        [words] = re.findall(rf"^    {command}\) options='(.*)' ;;$", bash, re.M)
        options = _options(zrb, command)
        assert sorted(words.split()) == sorted(f"--{name}" for _, name in options)
        block = zsh.split(f"\n{command})\n")[1].split("\n    ;;")[0]
        for letter, name in options:
            assert f"--{name}" in man and re.search(rf"'\*?--{name}[=\[]", block), (command, name)
            assert not letter or re.search(rf"'\*?-{letter}[+\[]", block), (command, letter)


def test_every_help_fits_and_has_examples_and_statuses(zrb):
    assert _commands(zrb) == sorted(_commands(zrb))
    for argv in [["--help"], *([command, "--help"] for command in _commands(zrb))]:
        text = zrb.out(*argv)
        assert not [line for line in text.splitlines() if len(line) > 120], argv
        assert re.search(r"^Exit status: 0 ", text, re.M)
        assert len(argv) == 1 or f"zrb {argv[0]}" in text.split("\nExamples:\n")[1]


def _completed(words):
    """What bash completes for the last of these words."""
    script = f"""source {ROOT}/deploy/completion/zrb.bash
        COMP_WORDS=({" ".join(f"'{word}'" for word in words)}) COMP_CWORD={len(words) - 1}
        _zrb; printf '%s\\n' "${{COMPREPLY[@]}}" """
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True).stdout.split()


def test_bash_completes_subcommands_and_options(zrb):
    assert _completed(["zrb", "re"]) == [name for name in _commands(zrb) if name.startswith("re")]
    assert _completed(["zrb", "replay", "--fr"]) == ["--from"]
    assert "--help" in _completed(["zrb", "sub", "-"])
    assert _completed(["zrb", "nothing", "--"]) == []


@pytest.mark.parametrize("argv, error", [
    ([], "wants a command; see zrb --help"),
    (["dance"], 'knows no command "dance"; see zrb --help'),
    (["pub"], "pub wants CHANNEL [PAYLOAD]...; see zrb pub --help"),
    (["pub", "orders", "--header", "colour"], '--header wants KEY=VALUE, not "colour"'),
    (["pub", "orders", "a", "--whole"], "pub: --whole is for stdin, and there are payloads"),
    (["sub", "orders", "--from", "0"], "--from wants an integer from 1 to 9007199254740992"),
    (["sub", "orders", "--from", "1", "--since", "1h"], "sub takes --from or --since, not both"),
    (["sub", "a b"], '"a b": has a control character or a space'),
    (["sub", "orders", "--json", "--raw"], "takes one of --raw, --json and --format"),
    (["sub", "orders", "-f", "%x"], '--format: knows no "%x"; it knows %c %i %t %d %h %p %s %% and \\n \\t \\0 \\\\'),
    (["sub", "orders", "-s", "ipc:///tmp/nobody"],
     "sub can't tell the PUB beside ipc:///tmp/nobody: name it by --sub or in ZRB_SUB"),
    (["replay", "a", "b"], 'replay takes no "b"; see zrb replay --help'),
    (["replay", "orders.*", "--from", "3"],
     "replay: --from and --until want one channel, not a glob; --since takes globs"),
    (["flush", "orders"], "flush wants one of --before, --older and --all"),
    (["status", "--interval", "2y"],
     '--interval wants 50 to 86400000 milliseconds, or a time as 10s, 5m, 2h, 1d, not "2y"'),
])
def test_wrong_usage_is_one_line_and_2(zrb, argv, error):
    assert zrb.run(*argv, status=2) == (b"", f"zrb: {error}\n".encode())


@pytest.mark.parametrize("text, error", [
    ("colour = \"red\"\n", 'unknown key "colour"; see man zrb'),
    ("[zrb]\n", 'has no [zrb]; only key = "value"'),
    ("wait = 5\n", "wait is an integer, not a string in quotes"),
    ("\nwait = \"soon\"\n", "wants 1 to 3600000 milliseconds"),
])
def test_a_wrong_configuration_names_file_and_line(zrb, tmp_path, text, error):
    path = tmp_path / "zrb.toml"
    path.write_text(text, encoding="utf-8")
    output, errors = zrb.run("ping", env={"ZRB_CONFIG": str(path), "ZRB_WAIT": ""}, status=2)
    assert output == b"" and errors.decode().startswith(f"zrb: {path}:{text.count(chr(10))}: ")
    assert error in errors.decode() and errors.count(b"\n") == 1


def test_command_line_then_environment_then_file(zrb, tmp_path):
    (tmp_path / "zrb.toml").write_text('endpoint = "ipc:///tmp/file"\nwait = "20ms"\n', encoding="utf-8")
    layers = {"XDG_CONFIG_HOME": str(tmp_path), "ZRB_WAIT": ""}
    for argv, env, endpoint in (
            (["--ask", "ipc:///tmp/line"], {"ZRB_ENDPOINT": "ipc:///tmp/variable"}, "line"),
            ([], {"ZRB_ENDPOINT": "ipc:///tmp/variable"}, "variable"), ([], {}, "file")):
        assert zrb.run("ping", *argv, env={**layers, **env}, status=3)[1].startswith(
            f"zrb: no bridge answers at ipc:///tmp/{endpoint} within 20 ms".encode())
