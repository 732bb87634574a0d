using System.CommandLine;
using System.CommandLine.Help;

namespace Connectors.Cli;

/// <summary>Options that every sub-command knows, with the names of faas-cli where it has them.</summary>
internal static class SharedOptions
{
    public static readonly Option<string> Gateway = new("--gateway", "-g")
    {
        Description = "The gateway's address; else OPENFAAS_URL, else http://127.0.0.1:8080",
        HelpName = "URL",
        Recursive = true,
    };

    public static readonly Option<string> User = new("--user", "-u", "--username")
    {
        Description = "The user; else OPENFAAS_USER, else admin",
        HelpName = "NAME",
        Recursive = true,
    };

    public static readonly Option<string> PasswordFile = new Option<string>("--password-file")
    {
        Description = "A file with the password; without one OPENFAAS_PASSWORD, else the login that faas-cli stored for this gateway",
        HelpName = "FILE",
        Recursive = true,
    }.NamesPath();

    public static readonly Option<bool> PasswordStdin = new("--password-stdin", "-s")
    {
        Description = "Reads the password from standard input",
        Recursive = true,
    };

    public static readonly Option<bool> TlsNoVerify = new("--tls-no-verify")
    {
        Description = "Takes any certificate of the gateway",
        Recursive = true,
    };

    public static readonly Option<bool> Json = new("--json")
    {
        Description = "Prints what the gateway answered, as JSON; a list is one array",
        Recursive = true,
    };

    /// <summary>Only with sub-commands that ask before they act.</summary>
    public static readonly Option<bool> Yes = new("--yes", "-y") { Description = "Goes ahead without asking" };

    /// <summary>Only with sub-commands that act on all of a kind.</summary>
    public static readonly Option<bool> DryRun = new("--dry-run") { Description = "Says how many are meant, and does nothing" };

    public static void AddTo(RootCommand root)
    {
        root.Options.Remove(root.Options.First(o => o is HelpOption));
        var help = new HelpOption("--help", "-h") { Description = "This text, or that of a sub-command" };
        foreach (var option in new Option[] { Gateway, User, PasswordFile, PasswordStdin, TlsNoVerify, Json, help })
        {
            root.Options.Add(option);
        }
    }
}
