"""Certificates of a bridge and its clients, made for a test."""

import zmq


class Pair:
    """A key pair, and the files that hold it."""

    def __init__(self, path, name=None):
        self.path = path
        self.secret_path = path.with_name(path.name + "_secret")
        self.public, self.secret = zmq.curve_keypair()
        metadata = f'metadata\n    name = "{name}"\n' if name else ""
        text = f'{metadata}curve\n    public-key = "{self.public.decode()}"\n'
        path.write_text(text, encoding="ascii")
        self.secret_path.touch(0o600)
        self.secret_path.write_text(text + f'    secret-key = "{self.secret.decode()}"\n', encoding="ascii")


class Certificates:
    """A bridge's pair, and a directory of the clients whom it lets in."""

    def __init__(self, directory):
        self.directory = directory
        self.clients_dir = directory / "clients"
        self.clients_dir.mkdir(parents=True)
        self.bridge = Pair(directory / "bridge.cert")
        self.security = {"curve": True, "secret_key": str(self.bridge.secret_path),
                         "clients_dir": str(self.clients_dir)}

    def client(self, name, file=None):
        """Lets a client in, and returns its sockets' options."""
        return self.options(Pair(self.clients_dir / (file or name), name))

    def stranger(self):
        """The same for one who is not let in."""
        return self.options(Pair(self.directory / "stranger"))

    def remove(self, file):
        (self.clients_dir / file).unlink()

    def options(self, pair):
        return {"curve_publickey": pair.public, "curve_secretkey": pair.secret, "curve_serverkey": self.bridge.public}
