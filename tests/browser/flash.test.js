// The Flash client in Ruffle, in a real browser, against the real program: its XMLSocket is a WebSocket
// of the port that serves the page.
//
// What counts is seen from outside the movie: what another client receives, and what the server logs.
// Where Ruffle's package is not installed, the tests of the movie are skipped, and say so.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { axe } from "./chat-page.js";
import { FlashPage, RUFFLE } from "./flash-page.js";
import { launchBrowser, RawClient, startServer } from "./support.js";

const skip = RUFFLE === undefined && "the package @ruffle-rs/ruffle is not installed";

let browser;

before(async () => {
    browser = await launchBrowser();
});

after(() => browser?.close());

/** The page of a server of its own. */
async function open(t, options) {
    const server = await startServer(options);
    try {
        return await FlashPage.open(t, browser, server);
    } finally {
        // Behind the page's own: a page that is still loading would complain about a server that is gone.
        t.after(() => server.remove());
    }
}

test("a login by keyboard, messages both ways, and a way out", { skip }, async (t) => {
    const flash = await open(t, { args: ["--ruffle", RUFFLE] });
    const alice = await RawClient.connect(flash.server.port, "1", "secret1");
    t.after(() => alice.close());
    await flash.plays();
    await flash.screenshot("flash-login");

    await flash.logIn("bob", "wrong");
    await flash.tells("Wrong number, nick or password.");
    await flash.screenshot("flash-refused");
    await flash.page.keyboard.press("Control+a");
    await flash.type("secret2");
    await flash.page.keyboard.press("Enter");
    assert.equal(await alice.until(/^<login aid="bob"/), '<login aid="bob" name="Bob" />');
    await flash.tells("Welcome, bob.");

    // Markup, what XML escapes, and letters beyond ASCII arrive as they were written.
    alice.send("MSG bob <b>not bold</b> & \"so\" 'on': \u00e1\u0171\u0436");
    const line = await flash.tells("not bold");
    assert.match(line, /^\[\d\d:\d\d:\d\d\] alice: <b>not bold<\/b> & "so" 'on': \u00e1\u0171\u0436$/);
    // A second line is told from a line of somebody else.
    alice.send("MSG bob one\r[00:00:00] carol: two");
    assert.match(await flash.tells("carol"), /alice: one\r {8}\[00:00:00\] carol: two$/);

    await flash.choosesDown(1);
    await flash.type("<i>Hi</i> & \u00e1rv\u00edzt\u0171r\u0151");
    await flash.page.keyboard.press("Enter");
    const got = await alice.until(/aid="bob".*\u0171/);
    assert.match(got, /msg="&lt;i&gt;Hi&lt;\/i&gt; &amp; \u00e1rv\u00edzt\u0171r\u0151" from="alice" \/>$/);
    await flash.tells("you to alice: <i>Hi</i>");
    await flash.screenshot("flash-chat");

    // Send, the list, the rooms, Log out.
    for (let i = 0; i < 4; i++) {
        await flash.page.keyboard.press("Tab", { delay: 50 });
    }
    await flash.page.keyboard.press("Enter");
    assert.equal(await alice.until(/^<quit/), '<quit aid="bob" />');
    await flash.server.logged(/CLOSED quit/);
});

test("who clicks a name can type at once", { skip }, async (t) => {
    const flash = await open(t, { args: ["--ruffle", RUFFLE] });
    const alice = await RawClient.connect(flash.server.port, "1", "secret1");
    t.after(() => alice.close());
    await flash.plays();
    await flash.logIn("bob", "secret2");
    await flash.tells("Welcome, bob.");
    // Alice is the first of the list.
    await flash.clicks(545, 100);
    await flash.type("found you");
    await flash.page.keyboard.press("Enter");
    await alice.until(/aid="bob".* msg="found you"/);
});

test("/me in the movie says what its member does", { skip }, async (t) => {
    const flash = await open(t, { args: ["--ruffle", RUFFLE] });
    const alice = await RawClient.connect(flash.server.port, "1", "secret1");
    t.after(() => alice.close());
    await flash.plays();
    await flash.logIn("bob", "secret2");
    await flash.tells("Welcome, bob.");
    await flash.clicks(545, 100);
    await flash.type("/me waves");
    await flash.page.keyboard.press("Enter");
    await alice.until(/<msg aid="bob" .* msg="\*waves\*" from="alice"/);
    await flash.tells("you to alice: bob waves");
    alice.send("ME bob nods");
    await flash.tells("alice nods");
    await flash.type("/me");
    await flash.page.keyboard.press("Enter");
    await flash.tells("Type /me TEXT, as in /me waves.");
    await flash.screenshot("flash-action");
});

test("the movie writes to nobody whom its member did not choose", { skip }, async (t) => {
    const flash = await open(t, { args: ["--ruffle", RUFFLE] });
    const { port } = flash.server;
    const bob = await RawClient.connect(port, "2", "secret2");
    const carol = await RawClient.connect(port, "3", "secret3");
    await flash.plays();
    await flash.logIn("alice", "secret1");
    await flash.tells("Welcome, alice.");

    // Nobody is chosen because he wrote first.
    carol.send("MSG alice hello");
    await flash.tells("carol: hello");
    await flash.type("for bob alone");
    await flash.page.keyboard.press("Enter");
    await flash.tells("Choose whom to write to: click a name or a room.");

    // What was typed for bob waits for him, whoever writes meanwhile.
    await flash.choosesDown(1);
    await bob.close();
    await flash.tells("bob has left.");
    carol.send("MSG alice are you there?");
    await flash.tells("carol: are you there?");
    await flash.page.keyboard.press("Enter");
    await flash.tells("Not sent: bob has left. Click a name to write to someone else.");
    const again = await RawClient.connect(port, "2", "secret2");
    t.after(() => again.close());
    await flash.tells("bob has come.");
    await flash.page.keyboard.press("Enter");
    assert.match(await again.until(/^<msg/), /msg="for bob alone" from="bob"/);
    carol.send("PING end");
    assert.doesNotMatch(await carol.until(/for bob alone|^<pong/), /for bob alone/);
    await carol.close();
});

test("a list that changes under the mouse does not change who is clicked", { skip }, async (t) => {
    const flash = await open(t, { args: ["--ruffle", RUFFLE] });
    const { port } = flash.server;
    const bob = await RawClient.connect(port, "2", "secret2");
    const carol = await RawClient.connect(port, "3", "secret3");
    t.after(() => carol.close());
    await flash.plays();
    await flash.logIn("alice", "secret1");
    await flash.tells("Welcome, alice.");
    // The second row is carol's; without bob it would be alice's own.
    await flash.pointsAt(545, 122);
    await bob.close();
    await flash.tells("bob has left.");
    await flash.presses();
    await flash.type("found you");
    await flash.page.keyboard.press("Enter");
    await carol.until(/aid="alice".* msg="found you"/);
});

test("a movie that another login has replaced stays out", { skip }, async (t) => {
    const flash = await open(t, { args: ["--ruffle", RUFFLE, "--on-duplicate", "replace"] });
    await flash.plays();
    await flash.logIn("bob", "secret2");
    await flash.tells("Welcome, bob.");
    const other = await RawClient.connect(flash.server.port, "2", "secret2");
    t.after(() => other.close());
    await flash.tells("You have logged in somewhere else");
    // Keys that were meant for the chat do nothing here.
    await flash.type("and then I ");
    await flash.page.keyboard.press("Enter");
    await flash.screenshot("flash-replaced");
    other.send("PING still");
    assert.equal(await other.until(/^<(?!msg|login|quit)/), '<pong value="still"/>');
    assert.equal(flash.server.log.filter((line) => line.includes("LOGIN 2")).length, 2);
});

test("letters that the movie's font lacks are shown below it", { skip }, async (t) => {
    const flash = await open(t, { args: ["--ruffle", RUFFLE] });
    const alice = await RawClient.connect(flash.server.port, "1", "secret1");
    t.after(() => alice.close());
    await flash.plays();
    await flash.logIn("bob", "secret2");
    await flash.tells("Welcome, bob.");
    const hint = flash.page.getByText("The movie may have no letters for this");
    for (const [text, lacks] of [["Привет, Ωmega", false], ["漢字", true], ["plain again", false], ["😀", true]]) {
        alice.send(`MSG bob ${text}`);
        await flash.tells(text);
        assert.equal(await hint.isVisible(), lacks, text);
    }
    assert.match(await hint.textContent(), /alice: 😀/);
    await flash.screenshot("flash-letters");
});

test("on a phone the Flash page leads to the web chat", async (t) => {
    const flash = await open(t);
    const link = flash.page.getByRole("link", { name: "Open the web chat" });
    assert.ok(await link.isHidden());
    for (const width of [390, 320]) {
        await flash.page.setViewportSize({ width, height: 800 });
        await link.waitFor();
        assert.equal(await flash.page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, `at ${width}`);
    }
    for (const colorScheme of ["light", "dark"]) {
        await flash.page.emulateMedia({ colorScheme });
        assert.deepEqual(await axe(flash.page), [], colorScheme);
    }
    await flash.screenshot("flash-phone");
    await link.click();
    await flash.page.getByText("This is a demo.").waitFor();
});

test("the movie comes back after the server was away", { skip }, async (t) => {
    const flash = await open(t, { args: ["--ruffle", RUFFLE] });
    const alice = await RawClient.connect(flash.server.port, "1", "secret1");
    await flash.plays();
    await flash.logIn("2", "secret2");
    await flash.tells("Welcome, bob.");
    // By now the movie knows who is here.
    alice.send("MSG bob hi");
    await flash.tells("alice: hi");

    await flash.server.stop();
    await alice.close();
    await flash.tells("The connection was lost.");
    await flash.screenshot("flash-lost");
    const again = await startServer({ port: flash.server.port });
    t.after(() => again.remove());
    // The button has the keyboard.
    await flash.page.keyboard.press("Enter");
    await again.logged(/LOGIN 2\(/);
    await flash.tells("You are back.");

    // Alice never left: the server was away. Carol is news.
    for (const [id, password] of [[1, "secret1"], [3, "secret3"]]) {
        const client = await RawClient.connect(again.port, id, password);
        t.after(() => client.close());
    }
    await flash.tells("carol has come.");
    assert.equal(await flash.page.getByText("alice has come.").count(), 0);
});

test("a page without Ruffle says how to get it", async (t) => {
    const flash = await open(t);
    await flash.page.getByRole("heading", { name: "no Flash player" }).waitFor();
    for (const text of ["flashgate serve --ruffle FOLDER", "https://unpkg.com/@ruffle-rs/ruffle"]) {
        assert.ok(await flash.page.getByText(text).first().isVisible(), text);
    }
    assert.equal(await flash.page.locator("ruffle-player").count(), 0);
    const movie = await flash.page.request.get(`http://127.0.0.1:${flash.server.port}/flash/chat.swf`);
    assert.equal(movie.headers()["content-type"], "application/x-shockwave-flash");
    await flash.screenshot("flash-missing");
});
