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
    assert.match(time, /^\d\d:\d\d$/);

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
    assert.ok(await alice.person("carol").locator(".person-name").isVisible(), "the row stays");
    const again = await RawClient.connect(server.port, 3, "secret3");
    await alice.reads("> From a browser", "< From a terminal", "Carol Danvers left.", "Carol Danvers is back.");
    await again.close();
});

test("/me says what somebody does", async (t) => {
    await everyoneGone(server);
    const alice = await ChatPage.open(t, browser, server);
    const bob = await ChatPage.open(t, browser, server);
    await alice.arrive("1", "secret1");
    await bob.arrive("bob", "secret2");
    const carol = await RawClient.connect(server.port, 3, "secret3");
    await alice.talkTo("bob");
    await alice.say("/me waves <b>wildly</b>");
    await alice.reads("> Alice waves <b>wildly</b>");
    await bob.talkTo("alice");
    await bob.reads("< Alice waves <b>wildly</b>");
    await bob.say("/ME\tnods\ntwice");
    await bob.say("/me");
    await bob.say("/mean");
    await alice.reads("> Alice waves <b>wildly</b>", "< Bob nods\ntwice", "< /me", "< /mean");
    const style = await alice.log.locator(".bubble").nth(1).evaluate((bubble) => getComputedStyle(bubble).fontStyle);
    assert.equal(style, "italic");
    assert.match(await bob.person("alice").textContent(), /You: \/mean/);
    await alice.isAccessible("actions");

    // A client of 2007 knows no actions.
    await alice.talkTo("carol");
    await alice.say("/me waves");
    assert.match(await carol.until(/^<msg/), /^<msg aid="alice" time="\S+" msg="\*waves\*" from="carol" \/>$/);
    carol.send("ME alice sings");
    await alice.reads("> Alice waves", "< Carol Danvers sings");
    assert.match(await alice.person("carol").textContent(), /Carol Danvers\W* sings/);
    await carol.close();
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
    await page.page.getByText("Please type your number or nick.").waitFor();
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

test("every name keeps its writing direction to itself", async (t) => {
    await everyoneGone(server);
    const { name } = MEMBERS[4];
    const rtl = await ChatPage.open(t, browser, server);
    await rtl.arrive("rtl", "secret5");
    const alice = await ChatPage.open(t, browser, server);
    await alice.arrive("alice", "secret1");
    await rtl.page.getByText("Logged in as").waitFor();
    await namesAreIsolated(rtl, name, 2);

    await alice.talkTo("rtl");
    await alice.page.getByText("Your conversation with").waitFor();
    await namesAreIsolated(alice, name, 3);
    await rtl.talkTo("alice");
    await rtl.say("one");
    await alice.say("two");
    await alice.reads("< one", "> two");
    // So do nicks, and the beginnings of messages in the list.
    await alice.page.locator("#talk-head bdi").getByText("rtl", { exact: true }).waitFor();
    await alice.person("rtl").locator(".person-line bdi").getByText("two").waitFor();
    await rtl.page.getByRole("button", { name: "Log out" }).click();
    await alice.reads("< one", "> two", `${name} left.`);
    await alice.page.locator("#hint").getByText("has left.").waitFor();
    // The row, the head, the sender, the note, the hint, the label of the log, what is said aloud, the title.
    await namesAreIsolated(alice, name, 7);
});

/** Each place that shows a name: within a `bdi`, or between the characters that isolate a plain text. */
async function namesAreIsolated(chat, name, least) {
    const { places, bare } = await chat.page.evaluate((wanted) => {
        const texts = [];
        const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const { data, parentElement } = walker.currentNode;
            texts.push({ text: data, isolated: parentElement.closest("bdi") !== null, where: parentElement.className || parentElement.localName });
        }
        for (const element of document.querySelectorAll("[aria-label]")) {
            texts.push({ text: element.getAttribute("aria-label"), isolated: false, where: "aria-label" });
        }
        const places = texts.filter(({ text }) => text.includes(wanted));
        const bare = places.filter(({ text, isolated }) => !isolated && !text.includes(`\u2068${wanted}\u2069`));
        return { places: places.length, bare: bare.map(({ where }) => where) };
    }, name);
    assert.deepEqual(bare, [], "names that are not isolated");
    assert.ok(places >= least, `the name is in ${places} places`);
}

test("a message that comes while one clicks does not change who is clicked", async (t) => {
    await everyoneGone(server);
    const alice = await ChatPage.open(t, browser, server);
    await alice.arrive("alice", "secret1");
    const bob = await RawClient.connect(server.port, 2, "secret2");
    const carol = await RawClient.connect(server.port, 3, "secret3");
    const rtl = await RawClient.connect(server.port, 5, "secret5");
    await alice.person("rtl").waitFor();
    await alice.person("carol").hover();
    // All that could move a row: somebody above leaves, others write.
    await bob.close();
    await alice.page.getByText("3 online").waitFor();
    rtl.send("MSG alice psst");
    await alice.person("rtl").locator(".badge").waitFor();
    await alice.page.mouse.down();
    await alice.page.mouse.up();
    await alice.page.getByRole("heading", { name: "Carol Danvers" }).waitFor();
    // Then the list is in order again: who wrote is on top, who left is gone.
    await eventually("the order", async () => {
        const nicks = await alice.page.locator(".person").evaluateAll((rows) => rows.map((row) => row.dataset.nick));
        return nicks.join() === "rtl,alice,carol" || nicks.join() === "rtl,carol,alice";
    });
    await carol.close();
    await rtl.close();
});

test("more than 99 unread messages are 99+, in the list, the title and beside the arrow", async (t) => {
    const fast = await startServer({ members: MEMBERS.slice(0, 3), args: ["--rate", "0"] });
    t.after(() => fast.remove());
    const alice = await ChatPage.open(t, browser, fast, { viewport: { width: 390, height: 800 } });
    await alice.arrive("alice", "secret1");
    const bob = await RawClient.connect(fast.port, 2, "secret2");
    const carol = await RawClient.connect(fast.port, 3, "secret3");
    await alice.person("carol").click();
    const badge = alice.page.locator("#back-badge");
    for (const [messages, shown] of [[1, "1"], [98, "99"], [901, "99+"]]) {
        for (let i = 0; i < messages; i += 1) {
            bob.send("MSG alice !");
        }
        await alice.titled(`(${shown}) Carol Danvers – flashgate`);
        assert.equal(await badge.textContent(), `${shown} unread message${shown === "1" ? "" : "s"}`);
        const [arrow, count, head] = await Promise.all(["#back", "#back-badge", "#talk-head"].map((part) => alice.page.locator(part).boundingBox()));
        // The arrow ends 12 pixels and its padding behind the button's edge.
        assert.ok(count.x >= arrow.x + 26, "beside the arrow");
        assert.ok(count.x + count.width <= arrow.x + arrow.width && arrow.x + arrow.width <= head.x, "within the button");
    }
    await alice.isAccessible("phone-unread");
    await alice.page.getByRole("button", { name: "Back to the list" }).click();
    assert.equal(await alice.person("bob").locator(".badge").textContent(), "99+ unread messages");
    await bob.close();
    await carol.close();
});

test("nothing on the login card moves when an error appears", async (t) => {
    const demo = await startServer();
    t.after(() => demo.remove());
    for (const width of [1280, 390, 320]) {
        const page = await ChatPage.open(t, browser, demo, { viewport: { width, height: 800 } });
        const places = () => page.page.evaluate(() =>
            [".card", "#login-id", "#login-password", "#login-button", "#demo"].map((part) => {
                const { x, y, width, height } = document.querySelector(part).getBoundingClientRect();
                return [part, x, y, width, height].join(" ");
            }));
        const before = await places();
        await page.logIn("", "");
        await page.page.getByText("Please type your number or nick.").waitFor();
        assert.deepEqual(await places(), before, `at ${width}`);
        await page.logIn("alice", "wrong");
        await page.page.getByText("Wrong number, nick or password.").waitFor();
        assert.deepEqual(await places(), before, `at ${width}`);
        const colours = await page.page.getByLabel("Password").evaluate((field) => {
            const { borderColor, outlineColor, outlineStyle } = getComputedStyle(field);
            return { focus: document.activeElement === field, borderColor, outlineColor, outlineStyle };
        });
        assert.deepEqual([colours.focus, colours.outlineStyle], [true, "solid"]);
        assert.equal(colours.borderColor, colours.outlineColor, "one colour around the field");
        await page.arrive("alice", "secret1");
        await page.page.getByRole("button", { name: "Log out" }).click();
        await page.page.locator("#login-notice").getByText("You have logged out.").waitFor();
        assert.deepEqual(await places(), before, `at ${width}, with a notice`);

        // Nor while the page waits for the server.
        const full = (socket) => socket.close({ code: 1013 });
        const waits = await ChatPage.open(t, browser, demo, { viewport: { width, height: 800 }, wire: full });
        const card = await waits.page.locator(".card").boundingBox();
        await waits.logIn("alice", "secret1");
        await waits.page.locator("#login").getByText("The server is full.").waitFor();
        assert.deepEqual(await waits.page.locator(".card").boundingBox(), card, `at ${width}, waiting`);
    }
});

test("the login form of a demo knows its members", async (t) => {
    const demo = await startServer();
    t.after(() => demo.remove());
    const page = await ChatPage.open(t, browser, demo);
    for (const [nick, password] of [["alice", "secret1"], ["bob", "secret2"], ["carol", "secret3"]]) {
        await page.page.getByRole("button", { name: `${nick} ${password}` }).waitFor();
    }
    await page.page.getByRole("button", { name: "bob secret2" }).click();
    await page.page.keyboard.press("Enter");
    await page.page.getByText("Logged in as Bob").waitFor();

    // A server with members of its own says nothing of the kind.
    const real = await ChatPage.open(t, browser, server);
    await real.page.getByRole("button", { name: "Log in" }).waitFor();
    assert.equal(await real.page.getByText("demo").isVisible(), false);
});

test("a login that ends puts the keyboard in no password field", async (t) => {
    const own = await startServer({ args: ["--on-duplicate", "replace"] });
    t.after(() => own.remove());
    const alice = await ChatPage.open(t, browser, own);
    await alice.arrive("alice", "secret1");
    await alice.talkTo("alice");
    const other = await RawClient.connect(own.port, 1, "secret1");
    await alice.page.locator("#login-notice").getByText("You have logged in somewhere else").waitFor();
    await alice.page.keyboard.type("for bob alone");
    await alice.page.keyboard.press("Enter");
    assert.equal(await alice.page.getByLabel("Password").inputValue(), "");
    assert.equal(own.log.filter((line) => line.includes("LOGIN")).length, 2);
    await other.close();
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
    await alice.page.locator("#hint").getByText("Too long by 1 byte.").waitFor();
    assert.deepEqual(await alice.messages(), []);
    await alice.isAccessible("too-long");
    await alice.box.press("Backspace");
    await alice.page.locator("#hint").getByText("0 bytes left").waitFor();
    await alice.box.press("Enter");
    await alice.reads(`> ${"ö".repeat(room / 2)}`);
    await bob.close();
});
