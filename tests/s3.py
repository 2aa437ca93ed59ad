"""An S3 server for the tests (moto), on loopback, in memory; started by tests/s3.sh, which says what for.

    s3.py open FOLDER   lets everybody in, and prints its URL. On a second line that of another door to
                        the same buckets, with TLS and a certificate that FOLDER/ca.pem has signed: it
                        gives credentials to whoever has the token in FOLDER/token, and lets nobody in
                        without these.
    s3.py strict        checks who asks, and prints its URL
"""

import datetime
import io
import ipaddress
import logging
import os
import ssl
import sys
import threading
from pathlib import Path

if sys.argv[1] == "strict":
    # So many requests are let in before it checks.
    os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "0"

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sts.models import sts_backends
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

TOKEN = "the-token-of-a-pod"

REFUSED = "<Error><Code>AccessDenied</Code><Message>no role was taken on</Message></Error>"


def door(app):
    """Requests to S3 only with the credentials of a role, and these only for the token."""

    def answer(environ, start_response):
        request = Request(environ)
        if request.path == "/" and request.args.get("Action") == "AssumeRoleWithWebIdentity":
            allowed = request.args.get("WebIdentityToken") == TOKEN
            # AWS takes the question in the address, too; this server in the body only.
            asked = request.query_string
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(asked), str(len(asked))
            environ["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
        else:
            accounts = list(sts_backends.values())
            roles = [it for account in accounts for it in account["aws"].assumed_roles]
            given = request.headers.get("x-amz-security-token")
            allowed = given in [it.session_token for it in roles]
        refused = Response(REFUSED, status=403, content_type="application/xml")
        return (app if allowed else refused)(environ, start_response)

    return answer


def signed(name, authority=None):
    """A certificate and its key, signed by itself or by an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, issuer_key = (authority[0].subject, authority[1]) if authority else (subject, key)
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
    )
    if authority:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        certificate = certificate.add_extension(
            x509.SubjectAlternativeName([address]), critical=False
        )
    return certificate.sign(issuer_key, hashes.SHA256()), key


def tls(folder):
    """What the door with TLS shows, signed by an authority that is written into a folder."""
    pem = serialization.Encoding.PEM
    authority = signed("authority of tests")
    certificate, key = signed("server of tests", authority)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ca.pem").write_bytes(authority[0].public_bytes(pem))
    (folder / "token").write_text(TOKEN)
    pkcs8, clear = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    shown = folder / "server.pem"
    shown.write_bytes(certificate.public_bytes(pem) + key.private_bytes(pem, pkcs8, clear))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown)
    return context


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = DomainDispatcherApplication(create_backend_app)
    # Port 0: the system knows which is free.
    server = make_server("127.0.0.1", 0, app, threaded=True)
    urls = [f"http://127.0.0.1:{server.server_port}"]
    if sys.argv[1] == "open":
        context = tls(Path(sys.argv[2]))
        secure = make_server("127.0.0.1", 0, door(app), threaded=True, ssl_context=context)
        urls.append(f"https://127.0.0.1:{secure.server_port}")
        threading.Thread(target=secure.serve_forever, daemon=True).start()
    print("\n".join(urls), flush=True)
    server.serve_forever()


main()
