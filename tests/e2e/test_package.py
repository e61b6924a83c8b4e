"""What is installed, and the Debian package that is made of it."""

import os
import pathlib
import re
import subprocess

import pytest


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The package's files, unpacked."""
    release = pathlib.Path(os.environ.get("ZRBRIDGE_RELEASE", ""))
    if not release.is_file():
        pytest.skip("no release build in $ZRBRIDGE_RELEASE")
    directory = tmp_path_factory.mktemp("package")
    subprocess.run(["cpack", "-G", "DEB", "--config", release.parent / "CPackConfig.cmake", "-B", directory],
                   check=True, capture_output=True, text=True, cwd=directory)
    package, = directory.glob("zrbridge_*.deb")
    subprocess.run(["dpkg-deb", "-R", package, directory / "root"], check=True)
    return directory / "root"


def test_the_packaged_daemon_takes_the_packaged_configuration(root):
    for arguments in (["--check", "-c", root / "etc/zrbridge/bridge.toml"], ["--version"]):
        subprocess.run([root / "usr/bin/zrbridge", *arguments], check=True, capture_output=True)


def test_the_service_names_what_the_package_holds(root):
    unit = (root / "usr/lib/systemd/system/zrbridge.service").read_text(encoding="utf-8")
    program, option, config = re.search("^ExecStart=(.*)$", unit, re.M).group(1).split()
    assert option == "-c" and (root / program[1:]).is_file() and (root / config[1:]).is_file()
    user = re.search("^User=(.*)$", unit, re.M).group(1)
    assert re.search(f"adduser .* {user}$", (root / "DEBIAN/postinst").read_text(encoding="utf-8"), re.M)


def test_the_configuration_is_the_owners_to_change(root):
    assert "/etc/zrbridge/bridge.toml" in (root / "DEBIAN/conffiles").read_text(encoding="utf-8").split()


def test_the_manual_page_knows_each_option(root):
    text = next((root / "usr/share/man/man1").glob("zrbridge.1*")).read_text(encoding="utf-8").replace("\\-", "-")
    usage = subprocess.run([root / "usr/bin/zrbridge", "--help"], check=True, capture_output=True, text=True).stdout
    for option in re.findall(r"^  (-\S+)", usage, re.M):
        assert option in text, option


def test_zrb_comes_with_its_manual_page_and_completions(root):
    assert list((root / "usr/share/man/man1").glob("zrb.1*"))
    for path in ("usr/share/bash-completion/completions/zrb", "usr/share/zsh/vendor-completions/_zrb"):
        assert (root / path).is_file(), path


def test_the_door_opens_by_what_is_installed(root, lab):
    append = root / "usr/share/zrbridge/examples/redis/append.sh"
    done = subprocess.run([append, "orders", "hello", "-s", lab.redis().path], check=True, capture_output=True)
    assert done.stdout == b"1\n"
