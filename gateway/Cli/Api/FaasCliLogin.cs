using System.Net.Http.Headers;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Connectors.Cli.Api;

/// <summary>The login that <c>faas-cli login</c> stored for a gateway in its <c>config.yml</c>.</summary>
internal static class FaasCliLogin
{
    /// <summary>Null if there is none.</summary>
    public static Credentials? Find(Uri gateway)
    {
        var file = Path.Combine(Folder(), "config.yml");
        var login = Logins(file).FirstOrDefault(l => Text(l, "gateway").TrimEnd('/').Equals(gateway.AbsoluteUri.TrimEnd('/'), StringComparison.OrdinalIgnoreCase));
        if (login is null || Text(login, "token") is not { Length: > 0 } token)
        {
            return null;
        }

        // A basic login's token is the base64 of user:password already.
        var scheme = Text(login, "auth") == "basic" ? "Basic" : "Bearer";
        return new Credentials(new AuthenticationHeaderValue(scheme, token), $"the login in {file}");
    }

    private static IEnumerable<YamlMappingNode> Logins(string file)
    {
        if (!File.Exists(file))
        {
            return [];
        }

        try
        {
            using var reader = new StreamReader(file);
            var yaml = new YamlStream();
            yaml.Load(reader);
            return yaml.Documents is [{ RootNode: YamlMappingNode root }, ..] && root.Children.TryGetValue("auths", out var auths) && auths is YamlSequenceNode list
                ? list.OfType<YamlMappingNode>()
                : [];
        }
        catch (YamlException fault)
        {
            throw CommandFailure.Usage($"{file} cannot be read: {fault.Message}");
        }
    }

    private static string Text(YamlMappingNode login, string key) =>
        login.Children.TryGetValue(key, out var value) && value is YamlScalarNode { Value: { } text } ? text : "";

    // As faas-cli finds it.
    private static string Folder() => (Environment.GetEnvironmentVariable("OPENFAAS_CONFIG"), Environment.GetEnvironmentVariable("CI")) switch
    {
        ({ Length: > 0 } folder, _) => folder.StartsWith("~/", StringComparison.Ordinal) ? Path.Combine(Home(), folder[2..]) : folder,
        (_, "true" or "1") => ".openfaas",
        _ => Path.Combine(Home(), ".openfaas"),
    };

    private static string Home() => Environment.GetEnvironmentVariable("HOME") ?? "";
}
