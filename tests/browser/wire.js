// The connection of a page, in the hands of a test.

import assert from "node:assert/strict";

/** A wire between page and server that can be cut, and that can keep answers back. */
export class Wire {
    cut = () => assert.fail("no connection yet");
    keep = () => false;
    refuse = false;
    /** What the page has sent, on all its connections. */
    sent = [];
    /** Says something that the server did not say. */
    say = () => assert.fail("no connection yet");

    attach = (page) => {
        if (this.refuse) {
            page.close({ code: 1013 });
            return;
        }
        const server = page.connectToServer();
        page.onMessage((command) => {
            this.sent.push(command);
            server.send(command);
        });
        server.onMessage((answer) => this.keep(answer) || page.send(answer));
        this.say = (answer) => page.send(answer);
        this.cut = () => {
            server.close();
            page.close({ code: 4000 });
        };
    };
}
