using System.CommandLine;

namespace Connectors.Cli.Completion;

/// <summary>The scripts that make a shell ask this command what may follow.</summary>
internal static class CompletionScript
{
    private const string Bash = """
        # connectors completion bash: in ~/.bashrc, source <(connectors completion bash)
        _connectors() {
          local words word
          words=$("${COMP_WORDS[0]}" "[suggest:$COMP_POINT]" "$COMP_LINE" 2> /dev/null)
          [[ ${COMP_WORDS[COMP_CWORD]} == -* ]] || words=$(grep -v '^-' <<< "$words")
          COMPREPLY=()
          while IFS= read -r word; do
            [[ -n $word && $word == "${COMP_WORDS[COMP_CWORD]}"* ]] && COMPREPLY+=("$word")
          done <<< "$words"
          return 0
        }
        complete -o default -F _connectors connectors
        """;

    private const string Zsh = """
        #compdef connectors
        # connectors completion zsh: in ~/.zshrc, after compinit, source <(connectors completion zsh)
        _connectors() {
          local -a found
          found=("${(@f)$("${words[1]}" "[suggest:$CURSOR]" "$BUFFER" 2> /dev/null)}")
          [[ ${words[CURRENT]} == -* ]] || found=("${(@)found:#-*}")
          if (( ${#found} )) && [[ -n ${found[1]} ]]; then compadd -a found; else _files; fi
        }
        compdef _connectors connectors
        """;

    private const string Fish = """
        # connectors completion fish: connectors completion fish > ~/.config/fish/completions/connectors.fish
        function __connectors_complete
          set -l words (commandline -opc)
          set -l line (commandline -cp)
          set -l found ($words[1] "[suggest:"(string length -- "$line")"]" "$line" 2> /dev/null)
          if string match -q -- '-*' (commandline -ct)
            string join \n -- $found
          else
            string match -v -- '-*' $found
          end
        end
        complete -c connectors -f -a '(__connectors_complete)'
        complete -c connectors -r -F -l password-file
        complete -c connectors -r -F -s o -l output
        """;

    public static Command Create()
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Prints a script that completes sub-commands, options and queues: source <(connectors completion bash)") { shell };
        command.SetAction(parsed => parsed.InvocationConfiguration.Output.WriteLine(parsed.GetValue(shell) switch
        {
            "zsh" => Zsh,
            "fish" => Fish,
            _ => Bash,
        }));
        return command;
    }
}
