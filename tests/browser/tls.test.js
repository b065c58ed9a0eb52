// The pages over https and the chat over wss, with a certificate that this browser trusts by its key.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { ChatPage } from "./chat-page.js";
import { FlashPage, RUFFLE } from "./flash-page.js";
import { launchBrowser, RawClient, startServer } from "./support.js";

const run = promisify(execFile);
const skip = RUFFLE === undefined && "the package @ruffle-rs/ruffle is not installed";
let folder;
let trusted;
let browser;
let stranger;
let server;

before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "flashgate-tls-"));
    const [key, certificate] = ["key.pem", "chain.pem"].map((name) => path.join(folder, name));
    await run("openssl", [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=flashgate",
        "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", certificate,
    ]);
    const { publicKey } = new X509Certificate(await readFile(certificate));
    const spki = publicKey.export({ type: "spki", format: "der" });
    trusted = createHash("sha256").update(spki).digest("base64");
    browser = await launchBrowser({ args: ["--no-sandbox", `--ignore-certificate-errors-spki-list=${trusted}`] });
    stranger = await launchBrowser();
    const ruffle = RUFFLE === undefined ? [] : ["--ruffle", RUFFLE];
    const args = ["--tls-cert", certificate, "--tls-key", key, "--redirect-https", ...ruffle];
    server = await startServer({ args });
});

after(async () => {
    await browser?.close();
    await stranger?.close();
    await server?.remove();
    await rm(folder, { recursive: true, force: true });
});

test("a page over https chats over wss, with a member who has no TLS", async (t) => {
    // The address that a person types leads to https.
    const alice = await ChatPage.open(t, browser, server);
    assert.equal(alice.page.url(), `https://127.0.0.1:${server.port}/chat/`);
    assert.match((await alice.answer.securityDetails()).protocol, /^TLS 1\.3$/);
    const opened = alice.page.waitForEvent("websocket");
    await alice.arrive("1", "secret1");
    const socket = await opened;
    assert.equal(new URL(socket.url()).protocol, "wss:");
    assert.equal(new URL(socket.url()).port, String(server.port));

    const bob = await RawClient.connect(server.port, 2, "secret2");
    await alice.talkTo("bob");
    await alice.say("By wss");
    assert.match(await bob.until(/^<msg/), /msg="By wss" from="bob"/);
    bob.send("MSG alice By TCP");
    await alice.reads("> By wss", "< By TCP");
    await server.logged(/\] TLS 1\.3 127\.0\.0\.1:/);
    await bob.close();
});

test("the Flash movie in Ruffle chats over wss", { skip }, async (t) => {
    const flash = await FlashPage.open(t, browser, server);
    const opened = flash.page.waitForEvent("websocket");
    await flash.plays();
    assert.equal(new URL(flash.page.url()).protocol, "https:");
    await flash.logIn("carol", "secret3");
    await flash.tells("Welcome, carol.");
    assert.equal(new URL((await opened).url()).protocol, "wss:");
});

test("a browser that does not trust the certificate is in the log", async (t) => {
    const context = await stranger.newContext();
    t.after(() => context.close());
    const page = await context.newPage();
    await assert.rejects(page.goto(`https://127.0.0.1:${server.port}/chat/`), /ERR_CERT_AUTHORITY_INVALID/);
    await server.logged(/\] TLS REFUSED handshake "received fatal alert: CertificateUnknown" 127\.0\.0\.1:/);
});
