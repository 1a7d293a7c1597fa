#!/usr/bin/env python3
"""bundle_test.py - `berth bundle`, `keygen`, `sign` and `verify`."""
import json
import os
import re
import stat
import subprocess
import sys
import unittest

from program import Folder, guest, run

def vector(*items):
    return bytes([len(items)]) + b"".join(items)


def section(number, body):
    return bytes([number, len(body)]) + body


MODULE = (b"\0asm\1\0\0\0" + section(1, b"\1\x60\0\1\x7f") + section(3, b"\1\0") +
          section(7, b"\1\3get\0\0") + section(10, b"\1\4\0\x41\7\x0b"))


def component(*exports):
    """Exports `get: func() -> u32`, alone and in an interface of each name."""
    names = [bytes([0, len(name)]) + name.encode() + bytes([5, at, 0])
             for at, name in enumerate(exports)]
    return (b"\0asm\x0d\0\1\0" + section(1, MODULE) + section(2, b"\1\0\0\0") +
            section(6, b"\1\0\0\1\0\3get") + section(7, b"\1\x40\0\0\x79") +
            section(8, b"\1\0\0\0\0\0") +
            section(5, vector(*[b"\1\1\0\3get\1\0"] * len(names))) +
            section(11, vector(b"\0\3get\1\0\0", *names)))


class Bundles(Folder):
    def bundle(self, folder, name, more="", version="1.0.0"):
        os.makedirs(self.path(folder), exist_ok=True)
        text = ('[bundle]\nname = "%s"\nversion = "%s"\n[[artifact]]\nkind = "component"\n'
                'file = "it.wasm"\n%s' % (name, version, more))
        self.write(folder + "/berth.toml", text.encode())
        provided = re.findall(r'\[\[provides\]\]\ncontract = "([^"]+)"', more)
        self.write(folder + "/it.wasm", component(*provided))
        return self.path(folder)

    def keys(self, name):
        result = run("keygen", self.path(name))
        self.assert_exit(result, 0)
        return self.path(name), self.path(name + ".pub")

    # ---- bundle

    def test_check_list_and_graph_print_what_there_is(self):
        self.bundle("all/user", "user", '[[requires]]\ncontract = "x:y/c@1.0.0"\n')
        self.bundle("all/codec", "codec", '[[provides]]\ncontract = "x:y/c@1.2.0"\n')
        result = run("bundle", "check", self.path("all"))
        self.assert_exit(result, 0)
        self.assertEqual(
            "codec 1.0.0\n"
            "    folder    {0}/codec\n"
            "    slot      codec@1\n"
            "    artifact  it.wasm (component)\n"
            "    provides  x:y/c@1.2.0\n"
            "user 1.0.0\n"
            "    folder    {0}/user\n"
            "    slot      user@1\n"
            "    artifact  it.wasm (component)\n"
            "    requires  x:y/c@1.0.0 from codec 1.0.0\n".format(self.path("all")),
            result.stdout.decode())
        self.assertEqual(result.stdout, run("bundle", "list", self.path("all")).stdout)
        result = run("bundle", "graph", self.path("all"))
        self.assert_exit(result, 0)
        self.assertEqual(b"1  codec 1.0.0\n2  user 1.0.0\n"
                         b"       x:y/c@1.0.0 from codec 1.0.0\n", result.stdout)

    def test_json_says_all_of_it(self):
        self.bundle("all/user", "user", '[[requires]]\ncontract = "x:y/c@1.0.0"\n')
        self.bundle("all/codec", "codec", '[[provides]]\ncontract = "x:y/c@1.2.0"\n')
        self.bundle("all/lost", "lost", '[[requires]]\ncontract = "x:y/d@1.0.0"\n')
        result = run("bundle", "list", self.path("all"), "--json")
        self.assert_exit(result, 0)
        said = json.loads(result.stdout)
        self.assertEqual(["codec", "lost", "user"], [b["name"] for b in said["bundles"]])
        self.assertEqual([True, False, True], [b["loadable"] for b in said["bundles"]])
        self.assertEqual({"name": "codec", "version": "1.0.0"},
                         said["bundles"][2]["requires"][0]["provider"])
        self.assertEqual(["codec", "user"], [b["name"] for b in said["order"]])
        self.assertEqual(["missing"], [p["kind"] for p in said["problems"]])

    def test_every_problem_is_printed_and_is_the_exit_code(self):
        self.bundle("all/a", "a", '[[provides]]\ncontract = "x:y/a@1.0.0"\n'
                                  '[[requires]]\ncontract = "x:y/b@1.0.0"\n')
        self.bundle("all/b", "b", '[[provides]]\ncontract = "x:y/b@1.0.0"\n'
                                  '[[requires]]\ncontract = "x:y/a@1.0.0"\n')
        self.bundle("all/c", "c", '[[requires]]\ncontract = "x:y/z@1.0.0"\n')
        self.bundle("all/d", "d", "[limtis]\n")
        for command in ("check", "graph"):
            result = run("bundle", command, self.path("all"))
            self.assert_exit(result, 3)
            for text in (b"problem: malformed: ", b"`berth.toml` has no field `limtis`; did you mean `limits`?",
                         b"problem: missing: c 1.0.0 requires x:y/z@1.0.0",
                         b"problem: cycle: a 1.0.0, b 1.0.0 require each other"):
                self.assertIn(text, result.stdout)
            self.assertIn(b"there are 3 problems", result.stderr)
        self.assert_exit(run("bundle", "list", self.path("all")), 0)

    def test_a_schema_error_is_shown_with_its_line(self):
        folder = self.bundle("b", "b", "[limits]\ndeadline = 5\n")
        result = run("bundle", "check", folder)
        self.assert_exit(result, 3)
        self.assertIn(b"b/berth.toml:8:12 : `limits.deadline`: is an integer; expected a string",
                      result.stderr)
        self.assertIn(b"    deadline = 5\n", result.stderr)

    def test_pins_choose_and_what_is_no_pin_is_said(self):
        for name in ("left", "right"):
            self.bundle("all/" + name, name, '[[provides]]\ncontract = "x:y/c@1.0.0"\n')
        self.bundle("all/user", "user", '[[requires]]\ncontract = "x:y/c@1.0.0"\n')
        result = run("bundle", "graph", self.path("all"))
        self.assert_exit(result, 3)
        self.assertIn(b"problem: ambiguous", result.stdout)
        result = run("bundle", "graph", self.path("all"), "--pins", "x:y/c=right")
        self.assert_exit(result, 0)
        self.assertIn(b"from right 1.0.0", result.stdout)
        result = run("bundle", "check", self.path("all"), "--pins", "x:y/c=right,x:y/d=left")
        self.assert_exit(result, 3)
        self.assertIn(b"problem: pin: x:y/d=left chooses nothing: ", result.stdout)
        self.assertIn(b"there is 1 problem;", result.stderr)
        for pins in ("x", "=x", "x=", "a=b,"):
            self.assert_exit(run("bundle", "graph", self.path("all"), "--pins", pins), 2)

    def test_check_looks_into_artifacts_and_list_does_not(self):
        self.bundle("all/codec", "codec", '[[provides]]\ncontract = "x:y/c@1.2.0"\n')
        self.bundle("all/user", "user", '[[requires]]\ncontract = "x:y/c@1.0.0"\n')
        folder = self.path("all")
        for bytes_, why in [
                (b"\0asm\x0d\0\1\0\xff", b"codec 1.0.0: it.wasm: "),
                (component(), b"it provides x:y/c@1.2.0, which its artifact does not export"),
                (component("x:y/c@1.1.0"), b"it provides x:y/c@1.2.0, which its artifact does not"),
                (component("x:y/c@1.2.0", "x:y/d@1.0.0"), b"its artifact exports x:y/d@1.0.0, "
                 b"which it does not provide; add it to `provides`")]:
            self.write("all/codec/it.wasm", bytes_)
            result = run("bundle", "check", folder)
            self.assert_exit(result, 3)
            self.assertIn(b"problem: artifact: codec 1.0.0: it.wasm: ", result.stdout)
            self.assertIn(why, result.stdout)
            self.assertIn(b"there is 1 problem;", result.stderr)
            said = json.loads(run("bundle", "check", folder, "--json").stdout)
            self.assertEqual([False, False], [b["loadable"] for b in said["bundles"]])
            self.assertEqual(([], ["artifact"]), (said["order"], [p["kind"] for p in said["problems"]]))
            self.assert_exit(run("bundle", "graph", folder), 0)

    def test_what_a_host_would_have_to_give_is_no_problem_and_what_nobody_gives_is(self):
        folder = self.bundle("b", "b")
        for name, kind, status in [("greet.component", "component", 0), ("imports", "module", 3),
                                   ("cli_v1", "module", 0)]:
            with open(guest(name), "rb") as file:
                self.write("b/it.wasm", file.read())
            text = ('[bundle]\nname = "b"\nversion = "1.0.0"\n[[artifact]]\nkind = "%s"\n'
                    'file = "it.wasm"\n' % kind)
            self.write("b/berth.toml", text.encode())
            self.assert_exit(run("bundle", "check", folder), status)
        self.write("b/berth.toml", (text + '[[provides]]\ncontract = "x:y/c@1.0.0"\n').encode())
        self.assertIn(b"its artifact is a core module", run("bundle", "check", folder).stdout)

    def test_native_plugins_are_looked_into(self):
        folder = self.bundle("b", "b")
        text = ('[bundle]\nname = "b"\nversion = "1.0.0"\n[[artifact]]\nkind = "native"\n'
                'os = "linux"\narch = "%s"\nfile = "it.so"\n[[provides]]\ncontract = "%%s"\n'
                % {"x86_64": "x86_64", "aarch64": "aarch64"}.get(os.uname().machine, "x86_64"))
        for name, contract, why in [
                ("calc_v1", "test:calc/math@1.2.0", None),
                ("calc_v1", "test:calc/math@1.3.0", b"which its artifact does not export"),
                ("calc_hidden", "test:calc/math@1.2.0", b"berth bindgen native")]:
            with open(os.path.join(os.environ["BERTH_BUILD_DIR"], "plugins", name + ".so"), "rb") as file:
                self.write("b/it.so", file.read())
            self.write("b/berth.toml", (text % contract).encode())
            result = run("bundle", "check", folder)
            self.assert_exit(result, 3 if why else 0)
            self.assertIn(why or b"test:calc/math@1.2.0", result.stdout)

    def test_usage_errors(self):
        for words in (("bundle",), ("bundle", "check"), ("bundle", "eat", "."),
                      ("bundle", "check", ".", "--signatures", "maybe"),
                      ("bundle", "eat"), ("keygen",), ("sign", "."), ("verify",), ("verify", "a", "b")):
            self.assert_exit(run(*words), 2)
        folder = self.bundle("b", "b")
        result = run("bundle", "check", folder, "--signatures", "require")
        self.assert_exit(result, 2)
        self.assertIn(b"give --keys as well", result.stderr)
        self.assert_exit(run("bundle", "check", self.path("none")), 1)

    # ---- keys

    def test_a_secret_key_is_for_its_owner_alone_and_never_overwritten(self):
        secret, public = self.keys("key")
        self.assertEqual(0o600, stat.S_IMODE(os.stat(secret).st_mode))
        with open(secret, "rb") as file:
            text = file.read()
        self.assertIn(b"berth-secret-key 1\npublic ", text)
        with open(public, "rb") as file:
            self.assertNotIn(b"secret", file.read())
        self.assert_exit(run("keygen", secret), 1)
        with open(secret, "rb") as file:
            self.assertEqual(text, file.read())
        self.assertEqual(["key", "key.pub"], sorted(os.listdir(self.folder)))

    def test_both_keys_are_made_or_none(self):
        self.write("key.pub", b"somebody's")
        self.assert_exit(run("keygen", self.path("key")), 1)
        self.assertEqual(["key.pub"], os.listdir(self.folder))

    def test_keygen_prints_the_public_key(self):
        result = run("keygen", self.path("key"), "--json")
        self.assert_exit(result, 0)
        with open(self.path("key.pub"), encoding="ascii") as file:
            self.assertIn(json.loads(result.stdout)["public_key"], file.read())

    def test_a_key_that_others_can_read_signs_nothing(self):
        secret, public = self.keys("key")
        folder = self.bundle("b", "b")
        os.chmod(secret, 0o640)
        result = run("sign", folder, "--key", secret)
        self.assert_exit(result, 1)
        self.assertIn(b"chmod 600", result.stderr)
        self.assertFalse(os.path.exists(folder + "/berth.sig"))
        self.assert_exit(run("sign", folder, "--key", self.path("none")), 1)

    def test_what_is_no_key_for_it_is_told_what_it_is(self):
        secret, public = self.keys("key")
        folder = self.bundle("b", "b")
        result = run("sign", folder, "--key", public)  # which others can read
        self.assert_exit(result, 2)
        self.assertIn(b"is a public key", result.stderr)
        result = run("verify", folder, "--keys", secret)
        self.assert_exit(result, 2)
        self.assertIn(b"is a secret key", result.stderr)
        for command, option in (("sign", "--key"), ("verify", "--keys")):
            result = run(command, folder, option, folder + "/it.wasm")
            self.assert_exit(result, 1)  # 3 is about what was signed
            self.assertIn(b"'berth keygen' made", result.stderr)

    # ---- sign and verify

    def test_what_was_signed_verifies_and_what_was_changed_does_not(self):
        secret, public = self.keys("key")
        folder = self.bundle("b", "b")
        result = run("verify", folder, "--keys", public)
        self.assert_exit(result, 3)
        self.assertIn(b"it is not signed", result.stderr)
        said = json.loads(run("verify", folder, "--keys", public, "--json").stdout)
        self.assertEqual(("unsigned", None), (said["signature"], said["public_key"]))
        signed = run("sign", folder, "--key", secret, "--json")
        self.assert_exit(signed, 0)
        result = run("verify", folder, "--keys", public)
        self.assert_exit(result, 0)
        self.assertTrue(result.stdout.startswith(b"good, by "))
        said = json.loads(run("verify", folder, "--keys", public, "--json").stdout)
        self.assertEqual("good", said["signature"])
        self.assertEqual(json.loads(signed.stdout)["digest"], said["digest"])
        self.assertEqual(json.loads(signed.stdout)["public_key"], said["public_key"])
        self.write("b/new", b"x")
        result = run("verify", folder, "--keys", public)
        self.assert_exit(result, 3)
        self.assertIn(b"it is not what was signed", result.stderr)

    def test_a_file_that_is_too_long_for_a_signature_is_none_and_is_replaced(self):
        secret, public = self.keys("key")
        folder = self.bundle("b", "b")
        self.write("b/berth.sig", b"x" * 5000)
        said = json.loads(run("verify", folder, "--keys", public, "--json").stdout)
        self.assertEqual(("malformed", None), (said["signature"], said["public_key"]))
        result = run("bundle", "check", folder, "--keys", public, "--signatures", "require")
        self.assert_exit(result, 3)
        self.assertIn(b"its berth.sig is no signature", result.stderr)
        self.assert_exit(run("sign", folder, "--key", secret), 0)
        self.assert_exit(run("verify", folder, "--keys", public), 0)

    def test_a_folder_of_bundles_is_told_from_a_bundle(self):
        secret, public = self.keys("key")
        self.bundle("all/b", "b")
        for words in (("verify",), ("sign", "--key", secret)):
            result = run(words[0], self.path("all"), *words[1:])
            self.assert_exit(result, 3)
            self.assertIn(b"'berth bundle list DIR' shows those in a folder", result.stderr)
        result = run("verify", self.path("none"))
        self.assert_exit(result, 1)
        self.assertEqual(1, result.stderr.count(self.path("none").encode()))

    def test_a_stranger_is_not_trusted(self):
        secret, _ = self.keys("key")
        _, other = self.keys("other")
        folder = self.bundle("b", "b")
        self.assert_exit(run("sign", folder, "--key", secret), 0)
        for keys in ((), ("--keys", other)):
            result = run("verify", folder, *keys)
            self.assert_exit(result, 3)
            self.assertIn(b"by a key that is not trusted", result.stderr)
        self.assert_exit(run("verify", folder, "--keys", other + "," + self.path("key.pub")), 0)
        result = run("verify", folder, "--keys", other + ",")
        self.assert_exit(result, 1)

    def test_check_under_a_policy(self):
        secret, public = self.keys("key")
        folder = self.bundle("b", "b")
        policy = ("--keys", public, "--signatures")
        self.assert_exit(run("bundle", "check", folder, *policy, "require"), 3)
        result = run("bundle", "check", folder, *policy, "warn")
        self.assert_exit(result, 0)
        self.assertIn(b"    signature unsigned: it is not signed\n", result.stdout)
        self.assert_exit(run("sign", folder, "--key", secret), 0)
        result = run("bundle", "check", folder, *policy, "require")
        self.assert_exit(result, 0)
        self.assertIn(b"    signature good\n", result.stdout)

    def test_another_program_finds_the_same_signature_good(self):
        """The format is what docs/bundle-signature.md says: OpenSSL verifies it from that alone."""
        import hashlib
        secret, public = self.keys("key")
        folder = self.bundle("b", "b")
        self.write("b/data", b"1")
        self.assert_exit(run("sign", folder, "--key", secret), 0)
        names = sorted(n.encode() for n in os.listdir(folder) if n != "berth.sig")
        message = b"berth bundle 1\0" + len(names).to_bytes(8, "little")
        for name in names:
            with open(os.path.join(folder.encode(), name), "rb") as file:
                data = file.read()
            message += len(name).to_bytes(8, "little") + name
            message += len(data).to_bytes(8, "little") + hashlib.sha256(data).digest()
        signed = b"berth bundle signed 1\0\0\0" + hashlib.sha256(message).digest()
        with open(folder + "/berth.sig", encoding="ascii") as file:
            lines = file.read().splitlines()
        key = bytes.fromhex(lines[1].split()[1])
        self.write("key.der", bytes.fromhex("302a300506032b6570032100") + key)
        self.write("message", signed)
        self.write("signature", bytes.fromhex(lines[2].split()[1]))
        try:
            result = subprocess.run(
                ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin",
                 "-inkey", self.path("key.der"), "-in", self.path("message"),
                 "-sigfile", self.path("signature")], stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, check=False)
        except FileNotFoundError:
            print("skipped: no openssl", file=sys.stderr)
            return
        self.assertIn(b"Signature Verified Successfully", result.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
