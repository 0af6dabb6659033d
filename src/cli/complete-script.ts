/**
 * Completion scripts. Each hands the words typed so far to `agent-infra complete <shell> -- …` and
 * adds the files that the last line of the answer asks for.
 */
export const SCRIPTS = {
  // For bash 3.2 (macOS), too: it has no compopt.
  // bash cuts words at "=" and ":" (COMP_WORDBREAKS): they are put together again before asking, and
  // what stands before the cut is taken off the answers. $2 is the word without an opening quote.
  bash: `# agent-infra completion for bash. Set up: eval "$(agent-infra complete bash)"
_agent_infra() {
  local raw="\${COMP_WORDS[COMP_CWORD]}" current="\${2//\\\\/}" words=() word index line files='' uncut=''
  for ((index = 1; index <= COMP_CWORD; index += 1)); do
    word="\${COMP_WORDS[index]}"
    if [[ ( $word == [=:]* || $uncut == *[=:] ) && \${#words[@]} -gt 0 ]]; then
      words[\${#words[@]}-1]+="$word"
    else
      words+=("$word")
    fi
    uncut="\${words[\${#words[@]}-1]}"
  done
  [[ $raw == [=:] ]] && raw=''
  local cut="\${uncut%"$raw"}" program="\${COMP_WORDS[0]/#\\~\\//$HOME/}"
  words[\${#words[@]}-1]="$cut$current"
  COMPREPLY=()
  while IFS= read -r line; do
    case "$line" in
      :*) files="\${line#:}" ;;
      *) line="\${line%%$'\\t'*}"; COMPREPLY+=("\${line#"$cut"}") ;;
    esac
  done < <("$program" complete bash -- "\${words[@]}" 2>/dev/null)
  case "$files" in
    any) compopt -o filenames 2>/dev/null; while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current") ;;
    folders) compopt -o filenames 2>/dev/null; while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$current") ;;
    yaml)
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do
        [[ -d \${line/#\\~\\//$HOME/} || $line == *.yaml || $line == *.yml ]] && COMPREPLY+=("$line")
      done < <(compgen -f -- "$current")
      ;;
  esac
}
complete -F _agent_infra agent-infra
`,
  zsh: `#compdef agent-infra
# agent-infra completion for zsh. Set up, after compinit: source <(agent-infra complete zsh)
_agent_infra() {
  local line files='' value
  local -a named
  while IFS= read -r line; do
    case "$line" in
      :*) files="\${line#:}" ;;
      *$'\\t'*) value="\${line%%$'\\t'*}"; named+=("\${value//:/\\\\:}:\${line#*$'\\t'}") ;;
      *) named+=("\${line//:/\\\\:}") ;;
    esac
  done < <("\${(Q)words[1]/#\\~\\//$HOME/}" complete zsh -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  (( \${#named} )) && _describe 'agent-infra' named
  [[ $PREFIX == --*=* ]] && compset -P '*='
  case "$files" in
    any) _files ;;
    folders) _files -/ ;;
    yaml) _files -g '*.(yaml|yml)' ;;
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _agent_infra "$@"; else compdef _agent_infra agent-infra; fi
`,
  fish: `# agent-infra completion for fish. Set up: agent-infra complete fish > ~/.config/fish/completions/agent-infra.fish
function __agent_infra_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    set -l files none
    for line in (command $typed[1] complete fish -- $typed[2..-1] "$current" 2>/dev/null)
        if string match -q ':*' -- $line
            set files (string sub -s 2 -- $line)
        else
            echo $line
        end
    end
    set -l option (string match -r '^--[^=]*=' -- $current)
    set -l path (string replace -r '^--[^=]*=' '' -- $current)
    switch $files
        case any
            __fish_complete_path $path | string replace -r '^' -- "$option"
        case folders
            __fish_complete_directories $path | string replace -r '^' -- "$option"
        case yaml
            __fish_complete_path $path | string match -r '.*(?:/|\\.ya?ml)(?:\\t.*)?$' | string replace -r '^' -- "$option"
    end
end
complete -c agent-infra -f -a '(__agent_infra_complete)'
`,
} as const;
