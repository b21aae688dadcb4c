namespace Qm.Fleet.Cli.Completion;

/// <summary>What a shell runs to complete a line of qmfleet: it asks qmfleet itself, which asks the server.</summary>
internal static class ShellScripts
{
    internal static readonly string[] Shells = ["bash", "zsh", "fish"];

    /// <summary>The script of a shell.</summary>
    internal static string Of(string shell) => shell switch
    {
        "bash" => """
            # Completion of qmfleet for bash. Load it with: source <(qmfleet completion bash)
            _qmfleet() {
                mapfile -t COMPREPLY < <("$1" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
            }
            complete -o default -F _qmfleet qmfleet
            """,
        "zsh" => """
            #compdef qmfleet
            # Completion of qmfleet for zsh. Load it with: source <(qmfleet completion zsh)
            _qmfleet() {
                local -a found
                found=("${(@f)$("$words[1]" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
                if [[ -n "$found[1]" ]]; then
                    compadd -- "${found[@]}"
                else
                    _files
                fi
            }
            compdef _qmfleet qmfleet
            """,
        _ => """
            # Completion of qmfleet for fish. Load it with: qmfleet completion fish | source
            function __qmfleet_complete
                set -l words (commandline -opc) (commandline -ct)
                $words[1] complete -- $words[2..-1] 2>/dev/null
            end
            complete -c qmfleet -f -a '(__qmfleet_complete)'
            complete -c qmfleet -s f -l filename -r -F
            """,
    };
}
