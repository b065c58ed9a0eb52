// The chat page when connections drop, servers restart and pages are reloaded: nothing typed is lost.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ChatPage } from "./chat-page.js";
import { eventually, everyoneGone, launchBrowser, RawClient, startServer } from "./support.js";
import { Wire } from "./wire.js";

/** What Chromium itself writes on its console when a server is gone. */
const UNREACHABLE = /WebSocket connection to .* failed/;

let browser;
let server;

before(async () => {
    browser = await launchBrowser();
    server = await startServer();
});

after(async () => {
    await browser?.close();
    await server?.remove();
});

test("a page reconnects by itself when the server starts again", async (t) => {
    let restarted = await startServer();
    t.after(() => restarted.remove());
    const { port } = restarted;
    const alice = await ChatPage.open(t, browser, restarted);
    alice.expected.push(UNREACHABLE);
    await alice.arrive("alice", "secret1");
    const bob = await RawClient.connect(port, 2, "secret2");
    await alice.talkTo("bob");
    await alice.say("before");
    await alice.reads("> before");
    await alice.box.fill("typed, not sent");

    await restarted.stop();
    await alice.banner.getByText("The server is restarting.").waitFor();
    await alice.box.press("Enter");
    await alice.page.locator("#hint").getByText("Not connected. What you write stays here.").waitFor();
    assert.equal(await alice.box.inputValue(), "typed, not sent");
    await alice.banner.getByText("The chat server cannot be reached.").or(alice.banner.getByText("The connection was lost.")).waitFor();
    await alice.isAccessible("reconnecting");

    await bob.close();
    restarted = await startServer({ port });
    await alice.banner.waitFor({ state: "hidden" });
    // Nobody left: the server was away. That is said once.
    const outage = ["> before", "Connection lost.", "Connection restored."];
    await alice.reads(...outage);
    await alice.page.locator("#hint").getByText("has left.").waitFor();
    const again = await RawClient.connect(port, 2, "secret2");
    await alice.page.locator("#talk-head").getByText("online", { exact: true }).waitFor();
    await alice.box.press("Enter");
    await alice.reads(...outage, "> typed, not sent");
    await again.until(/typed, not sent/);
    // From now on people come and go again.
    await again.close();
    await alice.reads(...outage, "> typed, not sent", "Bob left.");
});

test("what was sent and not confirmed is marked, and can be sent again", async (t) => {
    await everyoneGone(server);
    const wire = new Wire();
    const alice = await ChatPage.open(t, browser, server, { wire: wire.attach });
    await alice.arrive("alice", "secret1");
    const bob = await RawClient.connect(server.port, 2, "secret2");
    await alice.talkTo("bob");
    wire.keep = (answer) => answer.startsWith("<msg");
    await alice.say("Did you get this?");
    await alice.log.getByText("sending…").waitFor();
    wire.cut();
    await alice.reads("! > Did you get this?", "Connection lost.");
    await alice.log.getByText("Not confirmed: it may not have arrived.").waitFor();
    await alice.isAccessible("unconfirmed");

    wire.keep = () => false;
    await alice.banner.waitFor({ state: "hidden" });
    await alice.log.getByRole("button", { name: "Send again" }).click();
    await alice.reads("Connection lost.", "Connection restored.", "> Did you get this?");
    await bob.until(/Did you get this/);
    await bob.close();
});

test("a message to a person who has just left is answered in that conversation", async (t) => {
    await everyoneGone(server);
    const wire = new Wire();
    const alice = await ChatPage.open(t, browser, server, { wire: wire.attach });
    await alice.arrive("alice", "secret1");
    const bob = await RawClient.connect(server.port, 2, "secret2");
    await alice.talkTo("bob");
    // The news that Bob left is still on its way.
    wire.keep = (answer) => answer.startsWith("<quit");
    await bob.close();
    await server.logged(/QUIT 2/);
    await alice.say("Bob?");
    await alice.talkTo("alice");
    await alice.say("a note");
    await alice.reads("> a note");
    await alice.talkTo("bob");
    await alice.reads("! > Bob?");
    await alice.log.getByText("has left.").waitFor();
    await alice.log.getByRole("button", { name: "Discard" }).click();
    await alice.reads();
});

test("a full server is waited for", async (t) => {
    await everyoneGone(server);
    const wire = new Wire();
    wire.refuse = true;
    const alice = await ChatPage.open(t, browser, server, { wire: wire.attach });
    await alice.logIn("alice", "secret1");
    await alice.page.locator("#login").getByText("The server is full.").waitFor();
    wire.refuse = false;
    await alice.page.getByRole("button", { name: "Try now" }).click();
    await alice.page.getByText("Logged in as").waitFor();
});

test("conversations survive a reload, the password does not", async (t) => {
    await everyoneGone(server);
    const alice = await ChatPage.open(t, browser, server);
    await alice.arrive("alice", "secret1");
    const bob = await RawClient.connect(server.port, 2, "secret2");
    await alice.talkTo("bob");
    await alice.say("Hello, my friend");
    bob.send("MSG alice Long time no see");
    await alice.reads("> Hello, my friend", "< Long time no see");
    await alice.box.fill("a draft");
    await alice.page.reload();

    const stored = await alice.page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]));
    assert.match(stored, /alice/);
    assert.doesNotMatch(stored, /secret1/);
    assert.equal(await alice.page.getByLabel("Member number or nick").inputValue(), "alice");
    assert.equal(await alice.page.getByText("Long time").count(), 0);
    await alice.arrive("alice", "secret1");
    await alice.talkTo("bob");
    await alice.reads("> Hello, my friend", "< Long time no see");
    assert.equal(await alice.box.inputValue(), "a draft");

    // The next user of the same browser sees nothing of it.
    await alice.page.getByRole("button", { name: "Log out" }).click();
    await alice.page.locator("#login-notice").getByText("You have logged out.").waitFor();
    assert.doesNotMatch(await alice.page.evaluate(() => JSON.stringify({ ...sessionStorage })), /my friend/);
    assert.equal(await alice.page.getByText("my friend").count(), 0);
    await bob.close();
    await everyoneGone(server);
    await alice.arrive("bob", "secret2");
    assert.equal(await alice.page.getByText("my friend").count(), 0);
    assert.doesNotMatch(await alice.page.evaluate(() => JSON.stringify({ ...sessionStorage })), /my friend/);
});

test("a page that another login has replaced says so, and stays out", async (t) => {
    const strict = await startServer({ args: ["--on-duplicate", "replace"] });
    t.after(() => strict.remove());
    const alice = await ChatPage.open(t, browser, strict);
    await alice.arrive("alice", "secret1");
    const other = await RawClient.connect(strict.port, 1, "secret1");
    await alice.page.locator("#login-notice").getByText("You have logged in somewhere else").waitFor();
    await alice.isAccessible("replaced");
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.equal(strict.log.filter((line) => line.includes("LOGIN 1")).length, 2);
    await other.close();
});

test("a crowd can be searched, and costs no more than a few rows", async (t) => {
    await everyoneGone(server);
    const wire = new Wire();
    const alice = await ChatPage.open(t, browser, server, { wire: wire.attach });
    await alice.arrive("alice", "secret1");
    for (let i = 0; i < 4000; i += 1) {
        wire.say(`<login aid="n${i}" name="Number ${i}" />`);
    }
    await alice.page.getByText("4001 online").waitFor();
    await alice.page.getByText("And 3801 more: search to find them.").waitFor();
    assert.equal(await alice.page.locator(".person").count(), 200);
    await alice.isAccessible("crowd");
    await alice.page.getByLabel("Find people", { exact: true }).fill("ber 3999");
    await eventually("one row", async () => (await alice.page.locator(".person").count()) === 1);
    await alice.page.keyboard.press("ArrowDown");
    await alice.page.keyboard.press("Enter");
    await alice.page.getByRole("heading", { name: "Number 3999" }).waitFor();
});

test("a conversation is bounded", async (t) => {
    const fast = await startServer({ args: ["--rate", "0"] });
    t.after(() => fast.remove());
    const alice = await ChatPage.open(t, browser, fast);
    await alice.arrive("alice", "secret1");
    const bob = await RawClient.connect(fast.port, 2, "secret2");
    await alice.talkTo("bob");
    for (let i = 1; i <= 520; i += 1) {
        bob.send(`MSG alice number ${i}`);
    }
    // Exactly: behind number 52 the time of day may begin with 0.
    await alice.log.getByText("number 520", { exact: true }).waitFor();
    const lines = await alice.messages();
    assert.deepEqual([lines.length, lines[0]], [500, "< number 21"]);

    // A reader further up is not pulled down, but notified.
    const scrolledUp = (log) =>
        new Promise((done) => {
            log.scrollTop = 0;
            // The page hears of it with the next frame, and perhaps of the last line before that.
            requestAnimationFrame(() => requestAnimationFrame(() => done(log.scrollTop === 0)));
        });
    await eventually("the log to notice", () => alice.log.evaluate(scrolledUp));
    bob.send("MSG alice one more");
    await alice.page.getByRole("button", { name: "New messages" }).waitFor();
    assert.ok((await alice.log.evaluate((log) => log.scrollHeight - log.scrollTop)) > 2000);
    await alice.page.getByRole("button", { name: "New messages" }).click();
    await eventually("the end", () =>
        alice.log.evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight < 2));
});

test("a dead connection is noticed by its silence", async (t) => {
    await everyoneGone(server);
    const wire = new Wire();
    const alice = await ChatPage.open(t, browser, server, { wire: wire.attach });
    await alice.page.clock.install();
    await alice.page.reload();
    await alice.arrive("alice", "secret1");
    wire.keep = () => true;
    for (let seconds = 0; seconds < 60; seconds += 5) {
        await alice.page.clock.runFor(5_000);
    }
    await alice.banner.getByText("The connection was lost.").or(alice.banner.getByText("Connecting…")).waitFor();
    wire.keep = () => false;
    await eventually("the page to be back", async () => {
        await alice.page.clock.runFor(1_000);
        return alice.banner.isHidden();
    });
});
