# Completion of flashgate, made from its options by `UPDATE=1 cargo test --lib manual`.

# Whether the words in front of the cursor name this command.
function __flashgate_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l at ''
    for word in $words
        set -l next (string trim -- "$at $word")
        if contains -- $next 'serve' \
            'config' \
            'config check' \
            'config show' \
            'config default' \
            'doctor' \
            'members' \
            'members add' \
            'members list' \
            'members show' \
            'members passwd' \
            'members rename' \
            'members enable' \
            'members disable' \
            'members remove' \
            'members export' \
            'members import' \
            'members check' \
            'members backup' \
            'admin' \
            'admin who' \
            'admin kick' \
            'admin announce' \
            'admin send' \
            'admin rooms' \
            'admin reload' \
            'admin drain' \
            'admin status' \
            'admin events' \
            'chat' \
            'replay' \
            'ruffle-config'
            set at $next
        end
    end
    test "$at" = "$argv[1]"
end

# Whether an option is given already, with its value.
function __flashgate_has
    set -l words (commandline -opc)
    contains -- $argv[1] $words[1..-2]
end

complete -c flashgate -f

complete -c flashgate -n '__flashgate_at ""' -a serve -d 'Run the server'
complete -c flashgate -n '__flashgate_at ""' -a config -d 'Check, show or print configuration'
complete -c flashgate -n '__flashgate_at ""' -a doctor -d 'Check the machine'
complete -c flashgate -n '__flashgate_at ""' -a members -d 'Manage the member store'
complete -c flashgate -n '__flashgate_at ""' -a admin -d 'Administer a running server'
complete -c flashgate -n '__flashgate_at ""' -a chat -d 'Chat in the terminal'
complete -c flashgate -n '__flashgate_at ""' -a replay -d 'Play a recording'
complete -c flashgate -n '__flashgate_at ""' -a ruffle-config -d 'Print the script with which a page connects a Flash movie in Ruffle to flashgate'
complete -c flashgate -n '__flashgate_at ""; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at ""; and not __flashgate_has --version' -l version -s V -d 'print the version'

complete -c flashgate -n '__flashgate_at "serve"' -l acme -x -d 'name to get a certificate for from Let\'s Encrypt'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --acme-ca' -l acme-ca -r -F -d 'file with root certificates'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --acme-cache' -l acme-cache -x -a '(__fish_complete_directories)' -d 'folder for the certificate of --acme and for the keys'
complete -c flashgate -n '__flashgate_at "serve"' -l acme-contact -x -d 'mail address that the authority of --acme may write to'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --acme-directory' -l acme-directory -x -d 'another authority for --acme'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --acme-webroot' -l acme-webroot -x -a '(__fish_complete_directories)' -d 'folder that certbot --webroot or lego --http.webroot writes its challenges to'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --active-if' -l active-if -x -d 'only members whose row has one of these values in this column may log in'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --admin' -l admin -x -d 'where to take requests for administration'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --admin-texts' -l admin-texts -d 'show messages with their texts in the stream of events of --admin'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --admin-token' -l admin-token -r -F -d 'file with tokens for administration over --admin ADDR'
complete -c flashgate -n '__flashgate_at "serve"' -l allow-origin -x -d 'origin whose pages may open a WebSocket'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --burst' -l burst -x -d 'commands at once before the rate limit applies'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --charset' -l charset -x -d 'double-utf8 if texts are encoded twice'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --client-header' -l client-header -x -a 'x-forwarded-for forwarded none' -d 'header in which the proxies of --trust-proxy name their client'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --codepage' -l codepage -x -d 'code page of commands that are not UTF-8'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --config' -l config -r -F -d 'configuration file in TOML'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --demo' -l demo -d 'serve three members from memory'
complete -c flashgate -n '__flashgate_at "serve"' -l frame-ancestor -x -d 'site whose pages may show the built-in pages in an iframe'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --guests' -l guests -d 'let clients come online without an account'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --guests-from' -l guests-from -x -d 'guests at once from one address'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --https-port' -l https-port -x -d 'port that --redirect-https leads to'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --ipv6-only' -l ipv6-only -d 'accept only IPv6 clients on ['
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --list-needs-login' -l list-needs-login -d 'allow LIST only after IDENTIFY'
complete -c flashgate -n '__flashgate_at "serve"' -l listen -x -d 'address to serve on'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --log-file' -l log-file -r -F -d 'file to append the log to'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --log-format' -l log-format -x -a 'text json' -d 'text, or json'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --log-level' -l log-level -x -a 'off error warn info debug trace' -d 'what to print on standard error'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --login-throttle' -l login-throttle -x -a 'on off' -d 'whether failed logins slow down an address and a member\'s name'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --login-timeout' -l login-timeout -x -d 'time that a connection has to log in'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --map' -l map -x -d 'what the columns of the site\'s table are called'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --max-backlog' -l max-backlog -x -d 'memory that others\' messages may take while they wait for a slow client'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --max-clients' -l max-clients -x -d 'chat connections at once'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --max-command' -l max-command -x -d 'size of one command in bytes'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --max-per-address' -l max-per-address -x -d 'connections at once from one address'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --max-rooms' -l max-rooms -x -d 'rooms at once'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --max-site' -l max-site -x -d 'limit for all files of --site and --ruffle together'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --members' -l members -r -F -d 'file of the member store'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --metrics-on' -l metrics-on -x -d 'where to serve /metrics'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --mysql-password' -l mysql-password -r -F -d 'file with the password of the database user'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --nick-changes' -l nick-changes -x -a 'on off' -d 'whether members and guests can change their nicks with NICK'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --nick-wait' -l nick-wait -x -d 'time from one change of a member\'s or guest\'s nick to the next'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --on-duplicate' -l on-duplicate -x -a 'stale refuse replace' -d 'when a member logs in twice'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --pid-file' -l pid-file -r -F -d 'file with the number of the server\'s process while it serves'
complete -c flashgate -n '__flashgate_at "serve"' -l policy-domain -x -d 'domain whose Flash movies may connect'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --policy-file' -l policy-file -r -F -d 'policy document to serve unchanged'
complete -c flashgate -n '__flashgate_at "serve"' -l policy-listen -x -d 'address that answers only policy requests'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --policy-ports' -l policy-ports -x -d 'ports that Flash movies may connect to'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --presence' -l presence -x -a 'all off' -d 'which members are notified when a member logs in or leaves'
complete -c flashgate -n '__flashgate_at "serve"' -l proxy-protocol -x -d 'address or range of a proxy that begins each connection with a PROXY header'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --query' -l query -x -d 'query to use instead of a table'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --rate' -l rate -x -d 'commands a second from each connection'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --raw-keepalive' -l raw-keepalive -x -d 'time without output after which a Flash client\'s raw connection gets a NUL'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --record' -l record -r -F -d 'record everything that happens in a new file that only you can read'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --record-limit' -l record-limit -x -d 'size in MiB at which the recording ends'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --record-secrets' -l record-secrets -d 'record passwords and texts'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --redirect' -l redirect -x -d 'where to redirect paths that do not exist here'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --redirect-https' -l redirect-https -d 'redirect plain HTTP to https'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --reserved-nicks' -l reserved-nicks -r -F -d 'file with nicks that no client can take'
complete -c flashgate -n '__flashgate_at "serve"' -l room -x -d 'room that always exists and has no owner'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --rooms' -l rooms -x -a 'all off' -d 'which members may create rooms'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --rooms-each' -l rooms-each -x -d 'rooms that one connection is in at once'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --ruffle' -l ruffle -x -a '(__fish_complete_directories)' -d 'where to find Ruffle'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --runtime' -l runtime -x -a 'smol std' -d 'how connections are served'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --site' -l site -x -a '(__fish_complete_directories)' -d 'folder to serve over HTTP'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --spaces' -l spaces -x -d 'character to replace spaces in nicks with'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --table' -l table -x -d 'table with the members in the site\'s database'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --throttle-addresses' -l throttle-addresses -x -d 'addresses whose failed logins are remembered'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --throttle-after' -l throttle-after -x -d 'failed logins after which the logins of an address are looked up one at a time'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --throttle-first' -l throttle-first -x -d 'the first pause of an address after a failed login'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --throttle-longest' -l throttle-longest -x -d 'the longest pause of an address after a failed login'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --throttle-lookups' -l throttle-lookups -x -d 'lookups at once for one address'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --throttle-name-after' -l throttle-name-after -x -d 'failed logins in one member\'s name after which addresses wait that have never logged in as that member'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --throttle-name-lookups' -l throttle-name-lookups -x -d 'lookups at once in one member\'s name'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --throttle-name-rate' -l throttle-name-rate -x -d 'lookups a second in such a name'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --throttle-name-wait' -l throttle-name-wait -x -d 'how long a login waits in a member\'s name that has failed too often'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --throttle-names' -l throttle-names -x -d 'members\' names that are remembered'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --throttle-window' -l throttle-window -x -d 'how long a failed login counts'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --ticket-secret' -l ticket-secret -r -F -d 'file with a secret of at least 32 bytes that your site knows'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --ticket-url' -l ticket-url -x -d 'where your site makes a ticket for a member who is logged in there'
complete -c flashgate -n '__flashgate_at "serve"' -l tls-cert -r -F -d 'file with a certificate in PEM form and its chain'
complete -c flashgate -n '__flashgate_at "serve"' -l tls-key -r -F -d 'file with the key of the certificate'
complete -c flashgate -n '__flashgate_at "serve"' -l trust-proxy -x -d 'address or range of a proxy that names its client in each HTTP request'
complete -c flashgate -n '__flashgate_at "serve"; and not __flashgate_has --user' -l user -x -d 'user to become'

complete -c flashgate -n '__flashgate_at "config"' -a check -d 'Check a configuration file'
complete -c flashgate -n '__flashgate_at "config"' -a show -d 'Print each value that a server would start with'
complete -c flashgate -n '__flashgate_at "config"' -a default -d 'Print a configuration file with all keys'
complete -c flashgate -n '__flashgate_at "config"; and not __flashgate_has --help' -l help -d 'print what the command takes'

complete -c flashgate -n '__flashgate_at "config check"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "config check"' -F

complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --config' -l config -r -F -d 'configuration file'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "config show"' -l acme -x -d 'name to get a certificate for from Let\'s Encrypt'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --acme-ca' -l acme-ca -r -F -d 'file with root certificates'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --acme-cache' -l acme-cache -x -a '(__fish_complete_directories)' -d 'folder for the certificate of --acme and for the keys'
complete -c flashgate -n '__flashgate_at "config show"' -l acme-contact -x -d 'mail address that the authority of --acme may write to'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --acme-directory' -l acme-directory -x -d 'another authority for --acme'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --acme-webroot' -l acme-webroot -x -a '(__fish_complete_directories)' -d 'folder that certbot --webroot or lego --http.webroot writes its challenges to'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --active-if' -l active-if -x -d 'only members whose row has one of these values in this column may log in'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --admin' -l admin -x -d 'where to take requests for administration'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --admin-texts' -l admin-texts -d 'show messages with their texts in the stream of events of --admin'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --admin-token' -l admin-token -r -F -d 'file with tokens for administration over --admin ADDR'
complete -c flashgate -n '__flashgate_at "config show"' -l allow-origin -x -d 'origin whose pages may open a WebSocket'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --burst' -l burst -x -d 'commands at once before the rate limit applies'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --charset' -l charset -x -d 'double-utf8 if texts are encoded twice'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --client-header' -l client-header -x -a 'x-forwarded-for forwarded none' -d 'header in which the proxies of --trust-proxy name their client'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --codepage' -l codepage -x -d 'code page of commands that are not UTF-8'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --demo' -l demo -d 'serve three members from memory'
complete -c flashgate -n '__flashgate_at "config show"' -l frame-ancestor -x -d 'site whose pages may show the built-in pages in an iframe'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --guests' -l guests -d 'let clients come online without an account'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --guests-from' -l guests-from -x -d 'guests at once from one address'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --https-port' -l https-port -x -d 'port that --redirect-https leads to'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --ipv6-only' -l ipv6-only -d 'accept only IPv6 clients on ['
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --list-needs-login' -l list-needs-login -d 'allow LIST only after IDENTIFY'
complete -c flashgate -n '__flashgate_at "config show"' -l listen -x -d 'address to serve on'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --log-file' -l log-file -r -F -d 'file to append the log to'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --log-format' -l log-format -x -a 'text json' -d 'text, or json'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --log-level' -l log-level -x -a 'off error warn info debug trace' -d 'what to print on standard error'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --login-throttle' -l login-throttle -x -a 'on off' -d 'whether failed logins slow down an address and a member\'s name'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --login-timeout' -l login-timeout -x -d 'time that a connection has to log in'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --map' -l map -x -d 'what the columns of the site\'s table are called'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --max-backlog' -l max-backlog -x -d 'memory that others\' messages may take while they wait for a slow client'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --max-clients' -l max-clients -x -d 'chat connections at once'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --max-command' -l max-command -x -d 'size of one command in bytes'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --max-per-address' -l max-per-address -x -d 'connections at once from one address'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --max-rooms' -l max-rooms -x -d 'rooms at once'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --max-site' -l max-site -x -d 'limit for all files of --site and --ruffle together'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --members' -l members -r -F -d 'file of the member store'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --metrics-on' -l metrics-on -x -d 'where to serve /metrics'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --mysql-password' -l mysql-password -r -F -d 'file with the password of the database user'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --nick-changes' -l nick-changes -x -a 'on off' -d 'whether members and guests can change their nicks with NICK'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --nick-wait' -l nick-wait -x -d 'time from one change of a member\'s or guest\'s nick to the next'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --on-duplicate' -l on-duplicate -x -a 'stale refuse replace' -d 'when a member logs in twice'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --pid-file' -l pid-file -r -F -d 'file with the number of the server\'s process while it serves'
complete -c flashgate -n '__flashgate_at "config show"' -l policy-domain -x -d 'domain whose Flash movies may connect'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --policy-file' -l policy-file -r -F -d 'policy document to serve unchanged'
complete -c flashgate -n '__flashgate_at "config show"' -l policy-listen -x -d 'address that answers only policy requests'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --policy-ports' -l policy-ports -x -d 'ports that Flash movies may connect to'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --presence' -l presence -x -a 'all off' -d 'which members are notified when a member logs in or leaves'
complete -c flashgate -n '__flashgate_at "config show"' -l proxy-protocol -x -d 'address or range of a proxy that begins each connection with a PROXY header'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --query' -l query -x -d 'query to use instead of a table'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --rate' -l rate -x -d 'commands a second from each connection'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --raw-keepalive' -l raw-keepalive -x -d 'time without output after which a Flash client\'s raw connection gets a NUL'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --record' -l record -r -F -d 'record everything that happens in a new file that only you can read'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --record-limit' -l record-limit -x -d 'size in MiB at which the recording ends'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --record-secrets' -l record-secrets -d 'record passwords and texts'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --redirect' -l redirect -x -d 'where to redirect paths that do not exist here'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --redirect-https' -l redirect-https -d 'redirect plain HTTP to https'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --reserved-nicks' -l reserved-nicks -r -F -d 'file with nicks that no client can take'
complete -c flashgate -n '__flashgate_at "config show"' -l room -x -d 'room that always exists and has no owner'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --rooms' -l rooms -x -a 'all off' -d 'which members may create rooms'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --rooms-each' -l rooms-each -x -d 'rooms that one connection is in at once'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --ruffle' -l ruffle -x -a '(__fish_complete_directories)' -d 'where to find Ruffle'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --runtime' -l runtime -x -a 'smol std' -d 'how connections are served'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --site' -l site -x -a '(__fish_complete_directories)' -d 'folder to serve over HTTP'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --spaces' -l spaces -x -d 'character to replace spaces in nicks with'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --table' -l table -x -d 'table with the members in the site\'s database'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --throttle-addresses' -l throttle-addresses -x -d 'addresses whose failed logins are remembered'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --throttle-after' -l throttle-after -x -d 'failed logins after which the logins of an address are looked up one at a time'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --throttle-first' -l throttle-first -x -d 'the first pause of an address after a failed login'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --throttle-longest' -l throttle-longest -x -d 'the longest pause of an address after a failed login'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --throttle-lookups' -l throttle-lookups -x -d 'lookups at once for one address'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --throttle-name-after' -l throttle-name-after -x -d 'failed logins in one member\'s name after which addresses wait that have never logged in as that member'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --throttle-name-lookups' -l throttle-name-lookups -x -d 'lookups at once in one member\'s name'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --throttle-name-rate' -l throttle-name-rate -x -d 'lookups a second in such a name'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --throttle-name-wait' -l throttle-name-wait -x -d 'how long a login waits in a member\'s name that has failed too often'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --throttle-names' -l throttle-names -x -d 'members\' names that are remembered'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --throttle-window' -l throttle-window -x -d 'how long a failed login counts'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --ticket-secret' -l ticket-secret -r -F -d 'file with a secret of at least 32 bytes that your site knows'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --ticket-url' -l ticket-url -x -d 'where your site makes a ticket for a member who is logged in there'
complete -c flashgate -n '__flashgate_at "config show"' -l tls-cert -r -F -d 'file with a certificate in PEM form and its chain'
complete -c flashgate -n '__flashgate_at "config show"' -l tls-key -r -F -d 'file with the key of the certificate'
complete -c flashgate -n '__flashgate_at "config show"' -l trust-proxy -x -d 'address or range of a proxy that names its client in each HTTP request'
complete -c flashgate -n '__flashgate_at "config show"; and not __flashgate_has --user' -l user -x -d 'user to become'

complete -c flashgate -n '__flashgate_at "config default"; and not __flashgate_has --help' -l help -d 'print what the command takes'

complete -c flashgate -n '__flashgate_at "doctor"; and not __flashgate_has --config' -l config -r -F -d 'configuration file'
complete -c flashgate -n '__flashgate_at "doctor"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "doctor"' -l host -x -d 'name of the server on the internet'
complete -c flashgate -n '__flashgate_at "doctor"; and not __flashgate_has --json' -l json -d 'print one object of JSON'
complete -c flashgate -n '__flashgate_at "doctor"; and not __flashgate_has --quick' -l quick -d 'only check whether the server answers'
complete -c flashgate -n '__flashgate_at "doctor"; and not __flashgate_has --silence' -l silence -x -d 'seconds for which connections of --host stay silent'
complete -c flashgate -n '__flashgate_at "doctor"; and not __flashgate_has --tls-ca' -l tls-ca -r -F -d 'file with the certificates of the authorities to trust'

complete -c flashgate -n '__flashgate_at "members"' -a add -d 'Add a member; the password is asked for'
complete -c flashgate -n '__flashgate_at "members"' -a list -d 'List members: all'
complete -c flashgate -n '__flashgate_at "members"' -a show -d 'Show one member'
complete -c flashgate -n '__flashgate_at "members"' -a passwd -d 'Give a member another password'
complete -c flashgate -n '__flashgate_at "members"' -a rename -d 'Give a member another nick'
complete -c flashgate -n '__flashgate_at "members"' -a enable -d 'Let a member log in'
complete -c flashgate -n '__flashgate_at "members"' -a disable -d 'Stop a member from logging in'
complete -c flashgate -n '__flashgate_at "members"' -a remove -d 'Remove a member for good'
complete -c flashgate -n '__flashgate_at "members"' -a export -d 'Write every member as a row of CSV'
complete -c flashgate -n '__flashgate_at "members"' -a import -d 'Import all members from a CSV file'
complete -c flashgate -n '__flashgate_at "members"' -a check -d 'Check the whole store'
complete -c flashgate -n '__flashgate_at "members"' -a backup -d 'Copy the whole store into a new file that only you can read'
complete -c flashgate -n '__flashgate_at "members"; and not __flashgate_has --help' -l help -d 'print what the command takes'

complete -c flashgate -n '__flashgate_at "members add"; and not __flashgate_has --config' -l config -r -F -d 'configuration file that names the member store'
complete -c flashgate -n '__flashgate_at "members add"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "members add"; and not __flashgate_has --id' -l id -x -d 'the member\'s number'
complete -c flashgate -n '__flashgate_at "members add"; and not __flashgate_has --inactive' -l inactive -d 'do not let the member log in yet'
complete -c flashgate -n '__flashgate_at "members add"; and not __flashgate_has --members' -l members -r -F -d 'file of the member store'
complete -c flashgate -n '__flashgate_at "members add"; and not __flashgate_has --name' -l name -x -d 'the name that is shown'
complete -c flashgate -n '__flashgate_at "members add"; and not __flashgate_has --nick' -l nick -x -d 'the nick: 1 to 32 characters'

complete -c flashgate -n '__flashgate_at "members list"; and not __flashgate_has --active' -l active -d 'only members who may log in'
complete -c flashgate -n '__flashgate_at "members list"; and not __flashgate_has --config' -l config -r -F -d 'configuration file that names the member store'
complete -c flashgate -n '__flashgate_at "members list"; and not __flashgate_has --hash' -l hash -x -d 'only members whose password is stored in this format'
complete -c flashgate -n '__flashgate_at "members list"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "members list"; and not __flashgate_has --inactive' -l inactive -d 'only members who may not log in'
complete -c flashgate -n '__flashgate_at "members list"; and not __flashgate_has --json' -l json -d 'print a JSON array instead of a table'
complete -c flashgate -n '__flashgate_at "members list"; and not __flashgate_has --members' -l members -r -F -d 'file of the member store'
complete -c flashgate -n '__flashgate_at "members list"; and not __flashgate_has --never' -l never -d 'only members who have never logged in'
complete -c flashgate -n '__flashgate_at "members list"; and not __flashgate_has --nick' -l nick -x -d 'only nicks that match'
complete -c flashgate -n '__flashgate_at "members list"; and not __flashgate_has --not-since' -l not-since -x -d 'only members who have not logged in since this date'
complete -c flashgate -n '__flashgate_at "members list"; and not __flashgate_has --since' -l since -x -d 'only members who have logged in since this date'

complete -c flashgate -n '__flashgate_at "members show"; and not __flashgate_has --config' -l config -r -F -d 'configuration file that names the member store'
complete -c flashgate -n '__flashgate_at "members show"; and not __flashgate_has --hash' -l hash -d 'show the stored hash of the password'
complete -c flashgate -n '__flashgate_at "members show"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "members show"; and not __flashgate_has --json' -l json -d 'print a JSON object instead of lines'
complete -c flashgate -n '__flashgate_at "members show"; and not __flashgate_has --members' -l members -r -F -d 'file of the member store'

complete -c flashgate -n '__flashgate_at "members passwd"; and not __flashgate_has --config' -l config -r -F -d 'configuration file that names the member store'
complete -c flashgate -n '__flashgate_at "members passwd"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "members passwd"; and not __flashgate_has --members' -l members -r -F -d 'file of the member store'

complete -c flashgate -n '__flashgate_at "members rename"; and not __flashgate_has --config' -l config -r -F -d 'configuration file that names the member store'
complete -c flashgate -n '__flashgate_at "members rename"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "members rename"; and not __flashgate_has --members' -l members -r -F -d 'file of the member store'

complete -c flashgate -n '__flashgate_at "members enable"; and not __flashgate_has --config' -l config -r -F -d 'configuration file that names the member store'
complete -c flashgate -n '__flashgate_at "members enable"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "members enable"; and not __flashgate_has --members' -l members -r -F -d 'file of the member store'

complete -c flashgate -n '__flashgate_at "members disable"; and not __flashgate_has --config' -l config -r -F -d 'configuration file that names the member store'
complete -c flashgate -n '__flashgate_at "members disable"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "members disable"; and not __flashgate_has --members' -l members -r -F -d 'file of the member store'

complete -c flashgate -n '__flashgate_at "members remove"; and not __flashgate_has --config' -l config -r -F -d 'configuration file that names the member store'
complete -c flashgate -n '__flashgate_at "members remove"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "members remove"; and not __flashgate_has --members' -l members -r -F -d 'file of the member store'

complete -c flashgate -n '__flashgate_at "members export"; and not __flashgate_has --config' -l config -r -F -d 'configuration file that names the member store'
complete -c flashgate -n '__flashgate_at "members export"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "members export"; and not __flashgate_has --members' -l members -r -F -d 'file of the member store'
complete -c flashgate -n '__flashgate_at "members export"; and not __flashgate_has --with-hashes' -l with-hashes -d 'include the hashes of passwords'
complete -c flashgate -n '__flashgate_at "members export"' -F

complete -c flashgate -n '__flashgate_at "members import"; and not __flashgate_has --active-if' -l active-if -x -d 'only members whose row has one of these values in this column may log in'
complete -c flashgate -n '__flashgate_at "members import"; and not __flashgate_has --charset' -l charset -x -d 'encoding of texts'
complete -c flashgate -n '__flashgate_at "members import"; and not __flashgate_has --config' -l config -r -F -d 'configuration file that names the member store'
complete -c flashgate -n '__flashgate_at "members import"; and not __flashgate_has --dry-run' -l dry-run -d 'change nothing'
complete -c flashgate -n '__flashgate_at "members import"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "members import"; and not __flashgate_has --map' -l map -x -d 'what the columns are called'
complete -c flashgate -n '__flashgate_at "members import"; and not __flashgate_has --members' -l members -r -F -d 'file of the member store'
complete -c flashgate -n '__flashgate_at "members import"; and not __flashgate_has --mysql-password' -l mysql-password -r -F -d 'file with the password of the database user'
complete -c flashgate -n '__flashgate_at "members import"; and not __flashgate_has --query' -l query -x -d 'query to use instead of a table of a database'
complete -c flashgate -n '__flashgate_at "members import"; and not __flashgate_has --skip-refused' -l skip-refused -d 'import the good rows even if others are refused'
complete -c flashgate -n '__flashgate_at "members import"; and not __flashgate_has --spaces' -l spaces -x -d 'character to replace spaces in nicks with'
complete -c flashgate -n '__flashgate_at "members import"; and not __flashgate_has --table' -l table -x -d 'table of a dump'
complete -c flashgate -n '__flashgate_at "members import"' -F

complete -c flashgate -n '__flashgate_at "members check"; and not __flashgate_has --config' -l config -r -F -d 'configuration file that names the member store'
complete -c flashgate -n '__flashgate_at "members check"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "members check"; and not __flashgate_has --members' -l members -r -F -d 'file of the member store'

complete -c flashgate -n '__flashgate_at "members backup"; and not __flashgate_has --config' -l config -r -F -d 'configuration file that names the member store'
complete -c flashgate -n '__flashgate_at "members backup"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "members backup"; and not __flashgate_has --members' -l members -r -F -d 'file of the member store'
complete -c flashgate -n '__flashgate_at "members backup"' -F

complete -c flashgate -n '__flashgate_at "admin"' -a who -d 'Show who is online'
complete -c flashgate -n '__flashgate_at "admin"' -a kick -d 'Close the connection of a member or guest. They may come back'
complete -c flashgate -n '__flashgate_at "admin"' -a announce -d 'Show an announcement to everyone online whose client can'
complete -c flashgate -n '__flashgate_at "admin"' -a send -d 'Send a message of the site to a member or guest that is online'
complete -c flashgate -n '__flashgate_at "admin"' -a rooms -d 'Show the rooms'
complete -c flashgate -n '__flashgate_at "admin"' -a reload -d 'Make the server read its configuration and files again'
complete -c flashgate -n '__flashgate_at "admin"' -a drain -d 'Refuse new clients'
complete -c flashgate -n '__flashgate_at "admin"' -a status -d 'Show the state of the server'
complete -c flashgate -n '__flashgate_at "admin"' -a events -d 'Show events, one on each line, until you stop it'
complete -c flashgate -n '__flashgate_at "admin"; and not __flashgate_has --admin' -l admin -x -d 'where the server listens for administration'
complete -c flashgate -n '__flashgate_at "admin"; and not __flashgate_has --admin-token' -l admin-token -r -F -d 'file with a token'
complete -c flashgate -n '__flashgate_at "admin"; and not __flashgate_has --config' -l config -r -F -d 'configuration file that says where the server is'
complete -c flashgate -n '__flashgate_at "admin"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "admin"; and not __flashgate_has --json' -l json -d 'print the answer as JSON'

complete -c flashgate -n '__flashgate_at "admin who"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "admin who"; and not __flashgate_has --json' -l json -d 'print JSON'

complete -c flashgate -n '__flashgate_at "admin kick"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "admin kick"; and not __flashgate_has --reason' -l reason -x -d 'reason that the client gets'

complete -c flashgate -n '__flashgate_at "admin announce"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "admin announce"; and not __flashgate_has --room' -l room -x -d 'only to this room'

complete -c flashgate -n '__flashgate_at "admin send"; and not __flashgate_has --as' -l as -x -d 'the nick of the sender'
complete -c flashgate -n '__flashgate_at "admin send"; and not __flashgate_has --help' -l help -d 'print what the command takes'

complete -c flashgate -n '__flashgate_at "admin rooms"; and not __flashgate_has --help' -l help -d 'print what the command takes'

complete -c flashgate -n '__flashgate_at "admin reload"; and not __flashgate_has --help' -l help -d 'print what the command takes'

complete -c flashgate -n '__flashgate_at "admin drain"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "admin drain"; and not __flashgate_has --text' -l text -x -d 'announcement to everyone online'

complete -c flashgate -n '__flashgate_at "admin status"; and not __flashgate_has --help' -l help -d 'print what the command takes'

complete -c flashgate -n '__flashgate_at "admin events"; and not __flashgate_has --help' -l help -d 'print what the command takes'

complete -c flashgate -n '__flashgate_at "chat"; and not __flashgate_has --guest' -l guest -d 'come as a guest'
complete -c flashgate -n '__flashgate_at "chat"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "chat"; and not __flashgate_has --id' -l id -x -d 'your number or nick'
complete -c flashgate -n '__flashgate_at "chat"; and not __flashgate_has --ticket' -l ticket -x -d 'a ticket from your web site'
complete -c flashgate -n '__flashgate_at "chat"; and not __flashgate_has --tls' -l tls -d 'encrypt the connection'
complete -c flashgate -n '__flashgate_at "chat"; and not __flashgate_has --tls-ca' -l tls-ca -r -F -d 'file with the certificates of the authorities to trust'

complete -c flashgate -n '__flashgate_at "replay"; and not __flashgate_has --conn' -l conn -x -d 'print only lines about this connection'
complete -c flashgate -n '__flashgate_at "replay"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "replay"; and not __flashgate_has --print' -l print -d 'print the recording with line numbers'
complete -c flashgate -n '__flashgate_at "replay"; and not __flashgate_has --to-transcript' -l to-transcript -r -F -d 'write the recording as a transcript to a new file'
complete -c flashgate -n '__flashgate_at "replay"; and not __flashgate_has --until' -l until -x -d 'where to stop'
complete -c flashgate -n '__flashgate_at "replay"' -F

complete -c flashgate -n '__flashgate_at "ruffle-config"; and not __flashgate_has --help' -l help -d 'print what the command takes'
complete -c flashgate -n '__flashgate_at "ruffle-config"' -l host -x -d 'a host that the movie connects to'
complete -c flashgate -n '__flashgate_at "ruffle-config"' -l port -x -d 'a port that the movie connects to'
complete -c flashgate -n '__flashgate_at "ruffle-config"; and not __flashgate_has --tls' -l tls -d 'use wss from every page'
complete -c flashgate -n '__flashgate_at "ruffle-config"; and not __flashgate_has --url' -l url -x -d 'address of flashgate for browsers'
