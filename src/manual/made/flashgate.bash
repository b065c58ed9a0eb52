# Completion of flashgate, made from its options by `UPDATE=1 cargo test --lib manual`.

_flashgate() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} at='' word words=''
    COMPREPLY=()
    # Bash sees --option=value as three words.
    if [[ $cur == = ]]; then
        cur=''
    elif [[ $prev == = && COMP_CWORD -gt 1 ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    # The command that the words in front of this one name.
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "${at:+$at }$word" in
        'serve' | \
            'config' | \
            'config check' | \
            'config show' | \
            'config default' | \
            'doctor' | \
            'members' | \
            'members add' | \
            'members list' | \
            'members show' | \
            'members passwd' | \
            'members rename' | \
            'members enable' | \
            'members disable' | \
            'members remove' | \
            'members export' | \
            'members import' | \
            'members check' | \
            'members backup' | \
            'admin' | \
            'admin who' | \
            'admin kick' | \
            'admin announce' | \
            'admin send' | \
            'admin rooms' | \
            'admin reload' | \
            'admin drain' | \
            'admin status' | \
            'admin events' | \
            'chat' | \
            'replay' | \
            'ruffle-config') at="${at:+$at }$word" ;;
        esac
    done
    case $at in
    '')
        case $prev in
        *)
            words='serve config doctor members admin chat replay ruffle-config --help --version'
            ;;
        esac
        ;;
    'serve')
        case $prev in
        --acme-ca | --admin-token | --config | --log-file | --members | --mysql-password | --pid-file | --policy-file | --record | --reserved-nicks | --ticket-secret | --tls-cert | --tls-key) compopt -o default; return ;;
        --acme-cache | --acme-webroot | --ruffle | --site) compopt -o dirnames; return ;;
        --acme | --acme-contact | --acme-directory | --active-if | --admin | --allow-origin | --burst | --charset | --codepage | --frame-ancestor | --guests-from | --https-port | --listen | --login-timeout | --map | --max-backlog | --max-clients | --max-command | --max-per-address | --max-rooms | --max-site | --metrics-on | --nick-wait | --policy-domain | --policy-listen | --policy-ports | --proxy-protocol | --query | --rate | --raw-keepalive | --record-limit | --redirect | --room | --rooms-each | --spaces | --table | --throttle-addresses | --throttle-after | --throttle-first | --throttle-longest | --throttle-lookups | --throttle-name-after | --throttle-name-lookups | --throttle-name-rate | --throttle-name-wait | --throttle-names | --throttle-window | --ticket-url | --trust-proxy | --user) return ;;
        --client-header) words='x-forwarded-for forwarded none' ;;
        --log-format) words='text json' ;;
        --log-level) words='off error warn info debug trace' ;;
        --login-throttle) words='on off' ;;
        --nick-changes) words='on off' ;;
        --on-duplicate) words='stale refuse replace' ;;
        --presence) words='all off' ;;
        --rooms) words='all off' ;;
        --runtime) words='smol std' ;;
        *)
            words='--acme --acme-ca --acme-cache --acme-contact --acme-directory --acme-webroot --active-if --admin --admin-texts --admin-token --allow-origin --burst --charset --client-header --codepage --config --demo --frame-ancestor --guests --guests-from --help --https-port --ipv6-only --list-needs-login --listen --log-file --log-format --log-level --login-throttle --login-timeout --map --max-backlog --max-clients --max-command --max-per-address --max-rooms --max-site --members --metrics-on --mysql-password --nick-changes --nick-wait --on-duplicate --pid-file --policy-domain --policy-file --policy-listen --policy-ports --presence --proxy-protocol --query --rate --raw-keepalive --record --record-limit --record-secrets --redirect --redirect-https --reserved-nicks --room --rooms --rooms-each --ruffle --runtime --site --spaces --table --throttle-addresses --throttle-after --throttle-first --throttle-longest --throttle-lookups --throttle-name-after --throttle-name-lookups --throttle-name-rate --throttle-name-wait --throttle-names --throttle-window --ticket-secret --ticket-url --tls-cert --tls-key --trust-proxy --user'
            ;;
        esac
        ;;
    'config')
        case $prev in
        *)
            words='check show default --help'
            ;;
        esac
        ;;
    'config check')
        case $prev in
        *)
            [[ $cur == -* ]] || { compopt -o default; return; }
            words='--help'
            ;;
        esac
        ;;
    'config show')
        case $prev in
        --config | --acme-ca | --admin-token | --log-file | --members | --mysql-password | --pid-file | --policy-file | --record | --reserved-nicks | --ticket-secret | --tls-cert | --tls-key) compopt -o default; return ;;
        --acme-cache | --acme-webroot | --ruffle | --site) compopt -o dirnames; return ;;
        --acme | --acme-contact | --acme-directory | --active-if | --admin | --allow-origin | --burst | --charset | --codepage | --frame-ancestor | --guests-from | --https-port | --listen | --login-timeout | --map | --max-backlog | --max-clients | --max-command | --max-per-address | --max-rooms | --max-site | --metrics-on | --nick-wait | --policy-domain | --policy-listen | --policy-ports | --proxy-protocol | --query | --rate | --raw-keepalive | --record-limit | --redirect | --room | --rooms-each | --spaces | --table | --throttle-addresses | --throttle-after | --throttle-first | --throttle-longest | --throttle-lookups | --throttle-name-after | --throttle-name-lookups | --throttle-name-rate | --throttle-name-wait | --throttle-names | --throttle-window | --ticket-url | --trust-proxy | --user) return ;;
        --client-header) words='x-forwarded-for forwarded none' ;;
        --log-format) words='text json' ;;
        --log-level) words='off error warn info debug trace' ;;
        --login-throttle) words='on off' ;;
        --nick-changes) words='on off' ;;
        --on-duplicate) words='stale refuse replace' ;;
        --presence) words='all off' ;;
        --rooms) words='all off' ;;
        --runtime) words='smol std' ;;
        *)
            words='--config --help --acme --acme-ca --acme-cache --acme-contact --acme-directory --acme-webroot --active-if --admin --admin-texts --admin-token --allow-origin --burst --charset --client-header --codepage --demo --frame-ancestor --guests --guests-from --https-port --ipv6-only --list-needs-login --listen --log-file --log-format --log-level --login-throttle --login-timeout --map --max-backlog --max-clients --max-command --max-per-address --max-rooms --max-site --members --metrics-on --mysql-password --nick-changes --nick-wait --on-duplicate --pid-file --policy-domain --policy-file --policy-listen --policy-ports --presence --proxy-protocol --query --rate --raw-keepalive --record --record-limit --record-secrets --redirect --redirect-https --reserved-nicks --room --rooms --rooms-each --ruffle --runtime --site --spaces --table --throttle-addresses --throttle-after --throttle-first --throttle-longest --throttle-lookups --throttle-name-after --throttle-name-lookups --throttle-name-rate --throttle-name-wait --throttle-names --throttle-window --ticket-secret --ticket-url --tls-cert --tls-key --trust-proxy --user'
            ;;
        esac
        ;;
    'config default')
        case $prev in
        *)
            words='--help'
            ;;
        esac
        ;;
    'doctor')
        case $prev in
        --config | --tls-ca) compopt -o default; return ;;
        --host | --silence) return ;;
        *)
            words='--config --help --host --json --quick --silence --tls-ca'
            ;;
        esac
        ;;
    'members')
        case $prev in
        *)
            words='add list show passwd rename enable disable remove export import check backup --help'
            ;;
        esac
        ;;
    'members add')
        case $prev in
        --config | --members) compopt -o default; return ;;
        --id | --name | --nick) return ;;
        *)
            words='--config --help --id --inactive --members --name --nick'
            ;;
        esac
        ;;
    'members list')
        case $prev in
        --config | --members) compopt -o default; return ;;
        --hash | --nick | --not-since | --since) return ;;
        *)
            words='--active --config --hash --help --inactive --json --members --never --nick --not-since --since'
            ;;
        esac
        ;;
    'members show')
        case $prev in
        --config | --members) compopt -o default; return ;;
        *)
            words='--config --hash --help --json --members'
            ;;
        esac
        ;;
    'members passwd')
        case $prev in
        --config | --members) compopt -o default; return ;;
        *)
            words='--config --help --members'
            ;;
        esac
        ;;
    'members rename')
        case $prev in
        --config | --members) compopt -o default; return ;;
        *)
            words='--config --help --members'
            ;;
        esac
        ;;
    'members enable')
        case $prev in
        --config | --members) compopt -o default; return ;;
        *)
            words='--config --help --members'
            ;;
        esac
        ;;
    'members disable')
        case $prev in
        --config | --members) compopt -o default; return ;;
        *)
            words='--config --help --members'
            ;;
        esac
        ;;
    'members remove')
        case $prev in
        --config | --members) compopt -o default; return ;;
        *)
            words='--config --help --members'
            ;;
        esac
        ;;
    'members export')
        case $prev in
        --config | --members) compopt -o default; return ;;
        *)
            [[ $cur == -* ]] || { compopt -o default; return; }
            words='--config --help --members --with-hashes'
            ;;
        esac
        ;;
    'members import')
        case $prev in
        --config | --members | --mysql-password) compopt -o default; return ;;
        --active-if | --charset | --map | --query | --spaces | --table) return ;;
        *)
            [[ $cur == -* ]] || { compopt -o default; return; }
            words='--active-if --charset --config --dry-run --help --map --members --mysql-password --query --skip-refused --spaces --table'
            ;;
        esac
        ;;
    'members check')
        case $prev in
        --config | --members) compopt -o default; return ;;
        *)
            words='--config --help --members'
            ;;
        esac
        ;;
    'members backup')
        case $prev in
        --config | --members) compopt -o default; return ;;
        *)
            [[ $cur == -* ]] || { compopt -o default; return; }
            words='--config --help --members'
            ;;
        esac
        ;;
    'admin')
        case $prev in
        --admin-token | --config) compopt -o default; return ;;
        --admin) return ;;
        *)
            words='who kick announce send rooms reload drain status events --admin --admin-token --config --help --json'
            ;;
        esac
        ;;
    'admin who')
        case $prev in
        *)
            words='--help --json'
            ;;
        esac
        ;;
    'admin kick')
        case $prev in
        --reason) return ;;
        *)
            words='--help --reason'
            ;;
        esac
        ;;
    'admin announce')
        case $prev in
        --room) return ;;
        *)
            words='--help --room'
            ;;
        esac
        ;;
    'admin send')
        case $prev in
        --as) return ;;
        *)
            words='--as --help'
            ;;
        esac
        ;;
    'admin rooms')
        case $prev in
        *)
            words='--help'
            ;;
        esac
        ;;
    'admin reload')
        case $prev in
        *)
            words='--help'
            ;;
        esac
        ;;
    'admin drain')
        case $prev in
        --text) return ;;
        *)
            words='--help --text'
            ;;
        esac
        ;;
    'admin status')
        case $prev in
        *)
            words='--help'
            ;;
        esac
        ;;
    'admin events')
        case $prev in
        *)
            words='--help'
            ;;
        esac
        ;;
    'chat')
        case $prev in
        --tls-ca) compopt -o default; return ;;
        --id | --ticket) return ;;
        *)
            words='--guest --help --id --ticket --tls --tls-ca'
            ;;
        esac
        ;;
    'replay')
        case $prev in
        --to-transcript) compopt -o default; return ;;
        --conn | --until) return ;;
        *)
            [[ $cur == -* ]] || { compopt -o default; return; }
            words='--conn --help --print --to-transcript --until'
            ;;
        esac
        ;;
    'ruffle-config')
        case $prev in
        --host | --port | --url) return ;;
        *)
            words='--help --host --port --tls --url'
            ;;
        esac
        ;;
    esac
    # The words are options and commands, which no pattern and no blank is in.
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _flashgate flashgate
