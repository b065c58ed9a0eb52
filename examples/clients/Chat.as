// A chat client in ActionScript 3: the document class of a movie (Flash CS3 or later, or `mxmlc Chat.as`).
// It logs in, and shows what comes. Set HOST, PORT, ID and PASSWORD, or make fields of them.
// The server gives out the socket policy on the same port. Lines come and go as core/PROTOCOL.md says.
package {
    import flash.display.Sprite;
    import flash.events.DataEvent;
    import flash.events.Event;
    import flash.events.IOErrorEvent;
    import flash.events.SecurityErrorEvent;
    import flash.net.XMLSocket;
    import flash.system.Security;
    import flash.text.TextField;

    public class Chat extends Sprite {
        private static const HOST:String = "localhost", PORT:int = 8080;
        private static const ID:String = "1", PASSWORD:String = "secret1";
        private var socket:XMLSocket = new XMLSocket();
        private var log:TextField = new TextField();

        public function Chat() {
            log.width = 540; log.height = 380; log.wordWrap = true;
            addChild(log);
            Security.loadPolicyFile("xmlsocket://" + HOST + ":" + PORT);
            socket.addEventListener(Event.CONNECT, function (e:Event):void { send("IDENTIFY " + ID + " " + PASSWORD); });
            socket.addEventListener(Event.CLOSE, function (e:Event):void { show("The connection is closed."); });
            socket.addEventListener(IOErrorEvent.IO_ERROR, function (e:Event):void { show("Cannot connect."); });
            socket.addEventListener(SecurityErrorEvent.SECURITY_ERROR, function (e:Event):void { show("No policy."); });
            socket.addEventListener(DataEvent.DATA, function (e:DataEvent):void { heard(e.data); });
            socket.connect(HOST, PORT);
        }

        /** Sends a command: `MSG bob Hello`, `LIST`, `QUIT`. The socket ends it with NUL. */
        public function send(command:String):void { socket.send(command); }

        private function heard(data:String):void {
            if (data == "") { return; } // it only keeps the connection open
            var answer:XML = new XML(data);
            switch (String(answer.name())) {
                case "identify": show("You are " + answer.@name + "."); send("LIST"); break;
                case "nicklist": for each (var who:XML in answer.nick) { show(who.@name + " is online."); } break;
                case "login": show(answer.@name + " is online."); break;
                case "quit": show(answer.@aid + " left."); break;
                // `aid` is the sender. `from` is the recipient: a quirk of the 2007 format.
                case "msg": show(answer.@time + " " + answer.@aid + " to " + answer.@from + ": " + answer.@msg); break;
                case "error": show("Error: " + answer.@value); break;
            }
        }

        private function show(line:String):void { log.appendText(line + "\n"); log.scrollV = log.maxScrollV; }
    }
}
