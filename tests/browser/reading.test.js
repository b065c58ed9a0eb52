// What the page does for its reader: the line before what is new, times, links, sound and notifications,
// a warning about plain http.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ChatPage } from "./chat-page.js";
import { eventually, everyoneGone, launchBrowser, RawClient, startServer } from "./support.js";

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

/** The open conversation with its "new" lines, as `["< one", "New", "< two"]`. */
function lines(chat) {
    return chat.log.locator(".message, .new-line").evaluateAll((elements) =>
        elements.map((element) => element.querySelector(".bubble")?.textContent ?? element.textContent));
}

async function reads(chat, ...expected) {
    let last;
    const same = async () => JSON.stringify((last = await lines(chat))) === JSON.stringify(expected);
    await eventually("the lines", same).catch(() => assert.deepEqual(last, expected));
}

/** Alice's page, and Bob's raw connection. */
async function two(t) {
    await everyoneGone(server);
    const alice = await ChatPage.open(t, browser, server);
    await alice.arrive("alice", "secret1");
    const bob = await RawClient.connect(server.port, 2, "secret2");
    await alice.person("bob").waitFor();
    return { alice, bob };
}

/** Makes the page believe that it is hidden, or seen. */
function setHidden(chat, hidden) {
    return chat.page.evaluate((hidden) => {
        Object.defineProperty(document, "visibilityState", { configurable: true, value: hidden ? "hidden" : "visible" });
        document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
}

test("a line stands before what came while nobody looked", async (t) => {
    const { alice, bob } = await two(t);
    bob.send("MSG alice one");
    bob.send("MSG alice two");
    await alice.titled("(2) flashgate chat");
    await alice.talkTo("bob");
    await reads(alice, "New", "one", "two");
    await alice.isAccessible("new-line");
    // An answer says that all was read.
    await alice.say("three");
    await reads(alice, "one", "two", "three");

    bob.send("MSG alice seen");
    await reads(alice, "one", "two", "three", "seen");
    await setHidden(alice, true);
    bob.send("MSG alice four");
    bob.send("MSG alice five");
    await alice.titled("(2) Bob – flashgate");
    await setHidden(alice, false);
    await reads(alice, "one", "two", "three", "seen", "New", "four", "five");
    // Seen, and left alone again: the line moves.
    await alice.titled("Bob – flashgate");
    await setHidden(alice, true);
    bob.send("MSG alice six");
    await alice.titled("(1) Bob – flashgate");
    await reads(alice, "one", "two", "three", "seen", "four", "five", "New", "six");
});

test("a reader who has scrolled up finds where the new lines begin", async (t) => {
    const { alice, bob } = await two(t);
    await alice.talkTo("bob");
    for (let n = 0; n < 40; n += 1) {
        bob.send(`MSG alice ${n}`);
        await bob.until(/^<msg/);
    }
    await eventually("all lines", async () => (await lines(alice)).length === 40);
    await alice.log.evaluate((log) => (log.scrollTop = 0));
    await alice.log.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 50))));
    bob.send("MSG alice below");
    await alice.page.getByRole("button", { name: "New messages" }).click();
    await eventually("the line", async () => (await lines(alice)).slice(-2).join() === "New,below");
    // More than fits: the conversation opens where it begins.
    await alice.talkTo("alice");
    for (let n = 0; n < 40; n += 1) {
        bob.send(`MSG alice more ${n}`);
        await bob.until(/^<msg/);
    }
    await alice.titled("(40) Alice – flashgate");
    await alice.talkTo("bob");
    const line = alice.log.locator(".new-line");
    await eventually("the line in sight", async () => {
        const [frame, box] = [await alice.log.boundingBox(), await line.boundingBox()];
        return box.y >= frame.y && box.y < frame.y + frame.height / 2;
    });
});

test("the time is shown by the minute, once for lines of one sender", async (t) => {
    const { alice, bob } = await two(t);
    await alice.talkTo("bob");
    for (const text of ["one", "two"]) {
        await alice.say(text);
    }
    await alice.reads("> one", "> two");
    bob.send("MSG alice three");
    await alice.reads("> one", "> two", "< three");
    const seen = await alice.log.locator("time").evaluateAll((times) =>
        times.map((time) => ({ text: time.textContent, full: time.title, shown: time.checkVisibility() })));
    const minutes = seen.map(({ text }) => text);
    // A minute may end between two of them.
    assert.deepEqual(seen.map(({ shown }) => shown), [minutes[0] !== minutes[1], true, true]);
    for (const { text, full } of seen) {
        assert.match(full, /^\d\d:\d\d:\d\d$/);
        assert.equal(text, full.slice(0, 5));
    }
});

test("addresses in messages are links, and nothing else is", async (t) => {
    const { alice, bob } = await two(t);
    await alice.talkTo("bob");
    const texts = [
        ["See https://example.org/a_(b)?c=d#e.", ["https://example.org/a_(b)?c=d#e"]],
        ["(http://example.org/x) and HTTPS://EXAMPLE.COM!", ["http://example.org/x", "HTTPS://EXAMPLE.COM"]],
        ["javascript:alert(1) ftp://x data:text/html,x www.example.org", []],
        ["https:// http://?? https://user:pw@evil.example/ https://good.example@evil.example", []],
        ["<a href='https://example.org/'>x</a>", ["https://example.org"]],
        ["árvíz https://pl.wikipedia.org/wiki/Łódź, ok", ["https://pl.wikipedia.org/wiki/Łódź"]],
    ];
    for (const [text, shown] of texts) {
        bob.send(`MSG alice ${text}`);
        const bubble = alice.log.locator(".bubble").last();
        await eventually(text, async () => (await alice.log.locator(".bubble").count()) > 0 && (await bubble.textContent()) === text);
        const links = await bubble.locator("a").evaluateAll((all) => all.map((a) => [a.textContent, a.rel, a.target, a.protocol]));
        assert.deepEqual(links.map(([text]) => text.replace(/['/]+$/, "")), shown.map((text) => text.replace(/\/$/, "")), text);
        for (const [, rel, target, protocol] of links) {
            assert.deepEqual([rel, target], ["noopener noreferrer nofollow", "_blank"]);
            assert.match(protocol, /^https?:$/);
        }
    }
    await alice.isAccessible("links");
});

test("sound and notifications come only where they were asked for", async (t) => {
    await everyoneGone(server);
    const alice = await ChatPage.open(t, browser, server, { permissions: ["notifications"] });
    await alice.page.evaluate(() => {
        window.shown = [];
        window.asked = 0;
        window.Notification = class {
            static permission = "default";
            static async requestPermission() {
                window.asked += 1;
                return (this.permission = "granted");
            }
            constructor(title, { body }) {
                window.shown.push(`${title}: ${body.replaceAll(/[\u2066-\u2069]/gu, "")}`);
            }
            addEventListener() {}
        };
        window.notes = 0;
        const { start } = OscillatorNode.prototype;
        OscillatorNode.prototype.start = function (...when) {
            window.notes += 1;
            start.apply(this, when);
        };
    });
    await alice.arrive("alice", "secret1");
    const bob = await RawClient.connect(server.port, 2, "secret2");
    await setHidden(alice, true);
    bob.send("MSG alice one");
    await alice.titled("(1) flashgate chat");
    assert.deepEqual(await alice.page.evaluate(() => [window.asked, window.shown, window.notes]), [0, [], 0]);

    await alice.page.getByRole("button", { name: "Turn on sound" }).click();
    await alice.page.getByRole("button", { name: "Turn on notifications" }).click();
    await alice.page.getByRole("button", { name: "Turn off notifications" }).waitFor();
    await alice.isAccessible("alerts-on");
    const before = await alice.page.evaluate(() => window.notes);
    assert.equal(before, 2, "the button lets one hear it");
    bob.send("MSG alice a secret");
    await eventually("a notification", () => alice.page.evaluate(() => window.shown.length === 1 && window.notes === 4));
    // What was written stays on the page.
    assert.deepEqual(await alice.page.evaluate(() => window.shown), ["flashgate chat: New message from Bob."]);

    await alice.page.getByRole("button", { name: "Turn off sound" }).click();
    await alice.page.getByRole("button", { name: "Turn off notifications" }).click();
    bob.send("MSG alice three");
    await alice.titled("(3) flashgate chat");
    assert.deepEqual(await alice.page.evaluate(() => [window.shown.length, window.notes]), [1, 4]);
});

test("a page that came over plain http says so, but not on the machine itself", async (t) => {
    const here = await ChatPage.open(t, browser, server);
    assert.equal(await here.page.locator("#plain").isVisible(), false);
    const elsewhere = await launchBrowser({ args: ["--no-sandbox", "--host-resolver-rules=MAP chat.test 127.0.0.1"] });
    t.after(() => elsewhere.close());
    const there = await ChatPage.open(t, elsewhere, { url: `http://chat.test:${server.port}/chat/` });
    await there.page.getByText("This page came over plain http.").waitFor();
    await there.isAccessible("plain-http");
    // Nor are there notifications, which browsers do not allow there.
    await there.arrive("alice", "secret1");
    assert.equal(await there.page.locator("#alerts-button").isVisible(), false);
    assert.equal(await there.page.locator("#sound-button").isVisible(), true);
});
