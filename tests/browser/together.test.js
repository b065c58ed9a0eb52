// What flashgate is for: one room for a page, a Flash movie in Ruffle and a terminal.
//
// The pictures that it takes are the README's; SCREENSHOTS names the folder for them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ChatPage } from "./chat-page.js";
import { FlashPage, RUFFLE } from "./flash-page.js";
import { launchBrowser, RawClient, startServer } from "./support.js";

const skip = RUFFLE === undefined && "the package @ruffle-rs/ruffle is not installed";

let browser;

before(async () => {
    browser = await launchBrowser();
});

after(() => browser?.close());

test("from the page to the Flash movie to a terminal, and back", { skip }, async (t) => {
    const server = await startServer({ args: ["--ruffle", RUFFLE] });
    t.after(() => server.remove());

    const alice = await ChatPage.open(t, browser, server, { viewport: { width: 1180, height: 620 } });
    await alice.arrive("alice", "secret1");
    const bob = await FlashPage.open(t, browser, server);
    await bob.plays();
    await bob.logIn("bob", "secret2");
    await bob.tells("Welcome, bob.");
    const carol = await RawClient.connect(server.port, 3, "secret3");
    t.after(() => carol.close());

    await alice.talkTo("bob");
    await alice.say("Is that a real Flash movie?");
    await bob.tells("alice: Is that a real Flash movie?");
    await bob.choosesDown(1);
    await bob.type("ActionScript 3, in Ruffle. Carol is here, too.");
    await bob.page.keyboard.press("Enter");
    await alice.reads("> Is that a real Flash movie?", "< ActionScript 3, in Ruffle. Carol is here, too.");

    // From alice to carol: in order of login, bob is between them.
    await bob.choosesDown(2);
    await bob.type("Is one port enough for nc, too?");
    await bob.page.keyboard.press("Enter");
    const asked = await carol.until(/^<msg aid="bob"/);
    assert.match(asked, /msg="Is one port enough for nc, too\?" from="carol" \/>$/);
    carol.send("MSG bob It is.");
    await bob.tells("carol: It is.");

    carol.send("MSG alice Greetings from a terminal!");
    await alice.person("carol").getByText("Greetings from a terminal!").waitFor();
    await alice.say("Then it works everywhere.");
    await bob.tells("alice: Then it works everywhere.");

    // In a room, everyone reads everything.
    await bob.type("/join #lobby");
    await bob.page.keyboard.press("Enter");
    await bob.tells("You are in #lobby now.");
    carol.send("JOIN #lobby");
    await carol.until(/^<room /);
    await alice.joinRoom("#lobby");
    await alice.say("Good evening! What are you two using?");
    await bob.tells("#lobby alice: Good evening!");
    await bob.type("A Flash movie from 2007, in Ruffle.");
    await bob.page.keyboard.press("Enter");
    await carol.until(/^<msg room="#lobby" aid="bob" time="\S+" msg="A Flash movie from 2007, in Ruffle\." \/>$/);
    carol.send("MSG #lobby Just nc, in a terminal.");
    await bob.tells("#lobby carol: Just nc, in a terminal.");
    await alice.say("And I am on the web page. See https://ruffle.rs/");
    await bob.tells("#lobby alice: And I am on the web page.");
    carol.send("ME #lobby waves");
    await bob.tells("#lobby carol waves");
    await alice.reads("> Good evening! What are you two using?", "< A Flash movie from 2007, in Ruffle.",
        "< Just nc, in a terminal.", "> And I am on the web page. See https://ruffle.rs/", "< Carol waves");
    await alice.screenshot("chat");
    await bob.screenshot("flash");

    await alice.talkTo("carol");
    await alice.say("Hello, terminal.");
    await alice.reads("< Greetings from a terminal!", "> Hello, terminal.");
    assert.match(await carol.until(/^<msg aid="alice"/), /msg="Hello, terminal\." from="carol" \/>$/);
});
