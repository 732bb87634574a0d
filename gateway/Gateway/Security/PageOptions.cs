using Connectors.Sdk.Hosting;

namespace Connectors.Gateway.Security;

/// <summary>The page that an operator keeps open.</summary>
/// <param name="IsOn">Whether it is served.</param>
/// <param name="SessionLength">How long a login lasts.</param>
internal sealed record PageOptions(bool IsOn, TimeSpan SessionLength)
{
    public static PageOptions Read(Settings settings) => new(
        settings.Flag("ui", true, "Serve the operators' page at /ui/"),
        settings.Duration("ui_session", TimeSpan.FromHours(12), "How long a login on the page lasts", TimeSpan.FromSeconds(1)));
}
