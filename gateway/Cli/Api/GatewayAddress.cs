namespace Connectors.Cli.Api;

/// <summary>Which gateway is meant: the option, else <c>OPENFAAS_URL</c>, else the one on this machine.</summary>
internal static class GatewayAddress
{
    private const string Local = "http://127.0.0.1:8080";

    public static Uri Find(string? option)
    {
        var (name, text) = (option, Environment.GetEnvironmentVariable("OPENFAAS_URL")) switch
        {
            ({ } given, _) => ("--gateway", given),
            (null, { Length: > 0 } variable) => ("OPENFAAS_URL", variable),
            _ => ("", Local),
        };
        if (!Uri.TryCreate(text.TrimEnd('/'), UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https") || address.Host.Length == 0)
        {
            throw CommandFailure.Usage($"{name}: \"{text}\" is no address; it looks like {Local} or https://gateway.example.com.");
        }

        // The text itself is not repeated: it may hold a password.
        return address.UserInfo.Length == 0 && address.Query.Length == 0 && address.Fragment.Length == 0
            ? address
            : throw CommandFailure.Usage($"{name}: an address without user, query and fragment is needed; for credentials there are --user and --password-file.");
    }
}
