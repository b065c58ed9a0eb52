// The chat page in a real browser, against the real program.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ChatPage } from "./chat-page.js";
import { eventually, everyoneGone, launchBrowser, RawClient, startServer } from "./support.js";

const MARKUP = "<b>'\"&amp;</b><script>alert(1)</script>";
const MEMBERS = [
    { id: 1, nick: "alice", name: "Alice", password: "secret1" },
    { id: 2, nick: "bob", name: "Bob", password: "secret2" },
    { id: 3, nick: "carol", name: "Carol Danvers", password: "secret3" },
    { id: 4, nick: "<i>&quot;", name: "<img src=x onerror=alert(1)>", password: "secret4" },
    { id: 5, nick: "rtl", name: "שלום עולם", password: "secret5" },
    { id: 6, nick: "long", name: "W".repeat(100), password: "secret6" },
    { id: 7, nick: "z̸̢̛͎a̵̢͝", name: "👩‍👩‍👧 Z̸̢̛͎a̵̢͝l̶̡̀g̷̨͝o", password: "secret7" },
];
let browser;
let server;

before(async () => {
    browser = await launchBrowser();
    server = await startServer({ members: MEMBERS });
});

after(async () => {
    await browser?.close();
    await server?.remove();
});

test("two pages and a raw client talk to each other", async (t) => {
    await everyoneGone(server);
    const alice = await ChatPage.open(t, browser, server);
    const bob = await ChatPage.open(t, browser, server);
    await alice.arrive("1", "secret1");
    await alice.page.getByText("Nobody else is here yet.").waitFor();
    await bob.arrive("bob", "secret2");
    const carol = await RawClient.connect(server.port, 3, "secret3");

    await alice.talkTo("bob");
    await alice.say("Hello Bob");
    await bob.talkTo("alice");
    await bob.reads("< Hello Bob");
    await bob.say("Hello\nAlice,  you ");
    await alice.reads("> Hello Bob", "< Hello\nAlice,  you");
    const time = await alice.log.getByRole("time").last().textContent();
    assert.match(time, /^\d\d:\d\d:\d\d$/);

    await alice.talkTo("carol");
    await alice.say("From a browser");
    await alice.reads("> From a browser");
    assert.match(await carol.until(/^<msg/), /^<msg aid="alice" time="\S+" msg="From a browser" from="carol" \/>$/);
    carol.send("MSG alice From a terminal");
    await alice.reads("> From a browser", "< From a terminal");
    await bob.reads("< Hello Bob", "> Hello\nAlice,  you");

    await carol.close();
    await alice.reads("> From a browser", "< From a terminal", "Carol Danvers left.");
    await alice.page.getByText("has left. You can write again").first().waitFor();
    const again = await RawClient.connect(server.port, 3, "secret3");
    await alice.reads("> From a browser", "< From a terminal", "Carol Danvers left.", "Carol Danvers is back.");
    await again.close();
});

test("a message to oneself comes once", async (t) => {
    await everyoneGone(server);
    const alice = await ChatPage.open(t, browser, server);
    await alice.arrive("alice", "secret1");
    await alice.talkTo("alice");
    await alice.say("milk");
    await alice.reads("> milk");
    await alice.say("bread");
    await alice.reads("> milk", "> bread");
    await alice.titled("Alice – flashgate");
});

test("the page comes with headers that let nothing else in", async (t) => {
    const page = await ChatPage.open(t, browser, server);
    const headers = page.answer.headers();
    assert.match(headers["content-security-policy"], /default-src 'none'/);
    assert.doesNotMatch(headers["content-security-policy"], /unsafe/);
    assert.equal(headers["x-content-type-options"], "nosniff");
    // A script that got in by whatever way would be stopped by the browser.
    page.expected.push(/Content Security Policy/);
    const ran = await page.page.evaluate(() => {
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
        return window.ran === true;
    });
    assert.equal(ran, false);
});

test("a wrong password is said at the password, and the name stays", async (t) => {
    await everyoneGone(server);
    const page = await ChatPage.open(t, browser, server);
    await page.logIn("alice", "hunter2");
    await page.page.getByText("Wrong number, nick or password.").waitFor();
    const password = page.page.getByLabel("Password");
    assert.equal(await password.getAttribute("aria-invalid"), "true");
    assert.equal(await page.page.getByLabel("Member number or nick").inputValue(), "alice");
    assert.ok(await password.evaluate((field) => field === document.activeElement));
    await page.isAccessible("login-wrong");

    await page.logIn("", "secret1");
    await page.page.getByText("Please type your member number or nick.").waitFor();
    await page.logIn("al ice", "secret1");
    await page.page.getByText("A nick has no spaces in it.").waitFor();
    await page.logIn("alice", "");
    await page.page.getByText("Please type your password.").waitFor();
    await page.arrive("alice", "secret1");
});

test("who is online already gets in as soon as the place is free", async (t) => {
    await everyoneGone(server);
    const old = await RawClient.connect(server.port, 1, "secret1");
    const page = await ChatPage.open(t, browser, server);
    await page.logIn("alice", "secret1");
    await page.page.locator("#login").getByText("You are online already").waitFor();
    await page.page.locator("#login").getByText(/Trying again in \d+ second/).waitFor();
    await page.isAccessible("login-taken");
    await page.page.getByRole("button", { name: "Stop" }).click();
    await page.page.locator("#login-notice").getByText("Stopped trying.").waitFor();

    await page.logIn("alice", "secret1");
    await page.page.locator("#login").getByText("You are online already").waitFor();
    await old.close();
    await page.page.getByText("Logged in as").waitFor();
});

test("unread messages are counted, in the list and in the title", async (t) => {
    await everyoneGone(server);
    const alice = await ChatPage.open(t, browser, server);
    await alice.arrive("alice", "secret1");
    await alice.titled("flashgate chat");
    const bob = await RawClient.connect(server.port, 2, "secret2");
    const carol = await RawClient.connect(server.port, 3, "secret3");
    bob.send("MSG alice one");
    bob.send("MSG alice two");
    carol.send("MSG alice three");
    await alice.titled("(3) flashgate chat");
    assert.equal(await alice.person("bob").locator(".badge").textContent(), "2 unread messages");
    assert.equal(await alice.person("carol").locator(".badge").textContent(), "1 unread message");

    await alice.talkTo("bob");
    await alice.titled("(1) Bob – flashgate");
    assert.equal(await alice.person("bob").locator(".badge").count(), 0);
    bob.send("MSG alice four");
    await alice.reads("< one", "< two", "< four");
    await alice.titled("(1) Bob – flashgate");
    await alice.talkTo("carol");
    await alice.titled("Carol Danvers – flashgate");
    await bob.close();
    await carol.close();
});

test("names and texts of others never become markup", async (t) => {
    await everyoneGone(server);
    const alice = await ChatPage.open(t, browser, server);
    await alice.arrive("alice", "secret1");
    const texts = [MARKUP, "\u202etxt.exe", "a".repeat(3000), "]]><x/>&lt;", "{{1+1}} ${1}"];
    const others = [];
    for (const { id, password } of MEMBERS.slice(3)) {
        const client = await RawClient.connect(server.port, id, password);
        texts.forEach((text) => client.send(`MSG alice ${text}`));
        others.push(client);
    }
    let unread = others.length * texts.length;
    for (const { nick, name } of MEMBERS.slice(3)) {
        const row = alice.person(nick);
        await row.waitFor();
        assert.equal(await row.locator("bdi").first().textContent(), name);
        await row.click();
        await alice.reads(...texts.map((text) => `< ${text}`));
        unread -= texts.length;
        await alice.titled(unread > 0 ? `(${unread}) ${name} – flashgate` : `${name} – flashgate`);
        await alice.say(MARKUP);
        await alice.reads(...texts.map((text) => `< ${text}`), `> ${MARKUP}`);
        assert.equal(await alice.page.locator("#log :is(b, i, img, script, x)").count(), 0);
        await alice.isAccessible(`hostile-${MEMBERS.findIndex((member) => member.nick === nick)}`);
        for (const width of [1280, 320]) {
            await alice.page.setViewportSize({ width, height: 800 });
            const overflow = await alice.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
            assert.equal(overflow, 0, `${name} at ${width}`);
        }
        await alice.page.setViewportSize({ width: 1280, height: 800 });
    }
    await Promise.all(others.map((client) => client.close()));
});

test("two people of one name are told apart by their nicks", async (t) => {
    const namesakes = [["alice", "Alice"], ["bob", "Bob"], ["bobby", "BOB"], ["dave", "Dave"]];
    const members = namesakes.map(([nick, name], at) => ({ id: at + 1, nick, name, password: "secret" }));
    const own = await startServer({ members });
    t.after(() => own.remove());
    const alice = await ChatPage.open(t, browser, own);
    await alice.arrive("alice", "secret");
    for (const { nick } of members.slice(1)) {
        const client = await RawClient.connect(own.port, nick, "secret");
        t.after(() => client.close());
        client.send(`MSG alice from ${nick}`);
        await alice.person(nick).getByText(`from ${nick}`).waitFor();
    }
    const names = (nick) => alice.person(nick).locator(".person-name bdi").allTextContents();
    assert.deepEqual(await names("bob"), ["Bob", "bob"]);
    assert.deepEqual(await names("bobby"), ["BOB", "bobby"]);
    assert.deepEqual(await names("dave"), ["Dave"]);
    await alice.isAccessible("namesakes");
});

test("a text that is too long is counted in bytes, and not sent", async (t) => {
    await everyoneGone(server);
    const alice = await ChatPage.open(t, browser, server);
    await alice.arrive("alice", "secret1");
    const bob = await RawClient.connect(server.port, 2, "secret2");
    await alice.talkTo("bob");
    const room = 8192 - "MSG bob ".length;
    await alice.say("ö".repeat(room / 2) + "x");
    await alice.page.locator("#hint").getByText("Too long: please take away 1 byte.").waitFor();
    assert.deepEqual(await alice.messages(), []);
    await alice.isAccessible("too-long");
    await alice.box.press("Backspace");
    await alice.page.locator("#hint").getByText("0 bytes left").waitFor();
    await alice.box.press("Enter");
    await alice.reads(`> ${"ö".repeat(room / 2)}`);
    await bob.close();
});
