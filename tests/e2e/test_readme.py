"""The README's example, run as it stands but for the ports: tests use none that others may use."""

import re
import subprocess
import sys

from harness.wait import eventually
from harness.wire import ROOT

PORTS = {"pull": 5551, "sub": 5552, "pub": 5553, "router": 5555}


def _block(text, kind, after=""):
    return re.search(rf"```{kind}\n(.*?)```", text[text.index(after):], re.S).group(1)


def test_the_example_of_the_readme_prints_what_it_says(lab):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    example, expected = _block(text, "python"), _block(text, "", "It prints")
    bridge = lab.bridge()
    for what, port in PORTS.items():
        example = example.replace(f"tcp://127.0.0.1:{port}", bridge.endpoint(what))
    assert _run(example) == expected
    assert _run(example).splitlines()[:3] == expected.splitlines()[:3]
    client = bridge.client()
    eventually(lambda: client.ok(op="status", channel="orders")["channels"]["orders"]["head"] == 6, "both runs' orders")


def test_the_worker_of_the_readme_takes_and_acks(lab, server, store):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    worker = _block(text, "python", "## A worker")
    assert len([line for line in worker.splitlines() if line]) <= 15
    bridge = lab.bridge(server)
    client = bridge.client()
    client.publish("jobs", b"first", b"second")
    client.publish("urgent", b"now")
    worker = worker.replace(f"tcp://127.0.0.1:{PORTS['router']}", bridge.endpoint("router"))
    with subprocess.Popen([sys.executable, "-u", "-c", worker], stdout=subprocess.PIPE, text=True) as process:
        try:
            first = [process.stdout.readline() for _ in range(3)]
            assert first == ["urgent 1 now\n", "jobs 1 first\n", "jobs 2 second\n"]
            client.publish("jobs", b"third")
            assert process.stdout.readline() == "jobs 3 third\n"
            for key in ("zrb:{urgent}:group:default", "zrb:{jobs}:group:default"):
                eventually(lambda group=key: store.hget(group, "leased") == b"0", "all to be acked")
        finally:
            process.kill()


def _run(example):
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_shipped_config_serves_on_loopback_at_the_ports_of_the_readme():
    shipped = (ROOT / "bridge.toml").read_text(encoding="utf-8")
    assert set(re.findall(r'"tcp://([^:]+):', shipped)) == {"127.0.0.1"}
    for what, port in PORTS.items():
        assert f'\n{what} = ["tcp://127.0.0.1:{port}"]' in shipped


def test_every_file_that_the_documents_name_is_there():
    for document in (ROOT / "README.md", ROOT / "proto" / "PROTOCOL.md"):
        text = document.read_text(encoding="utf-8")
        links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
        names = re.findall(r"`((?:bridge|proto|tests|deploy)/[\w./]+)`", text)
        assert links
        assert [link for link in links if not (document.parent / link).exists()] == []
        assert [name for name in names if not (ROOT / name).exists()] == []


def test_every_link_inside_the_documents_leads_to_a_heading():
    text = (ROOT / "proto" / "PROTOCOL.md").read_text(encoding="utf-8")
    headings = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
                for heading in re.findall(r"^#+ (.*)$", text, re.M)}
    anchors = re.findall(r"\]\(#([^)]+)\)", text)
    assert anchors
    assert [anchor for anchor in anchors if anchor not in headings] == []
