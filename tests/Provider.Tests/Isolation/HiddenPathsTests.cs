using Connectors.Provider.Isolation;

namespace Connectors.Provider.Tests.Isolation;

/// <summary>What of the gateway's, and of its user's, no function sees.</summary>
public sealed class HiddenPathsTests : IDisposable
{
    private const string RuntimeFolders = "/run/user";

    private readonly string _data = Directory.CreateTempSubdirectory("hidden-").FullName;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    // Each comes and goes with its user's sessions, and what a function sees is written down when it is deployed: one that is named alone would be open to functions
    // that were deployed before it came, and keep those from starting that were deployed before it went.
    [Fact]
    public void Runtime_folders_of_users_are_hidden_as_one()
    {
        Assert.SkipUnless(Directory.Exists(RuntimeFolders), $"no {RuntimeFolders}");

        var hidden = HiddenPaths.Of(Options.Of(_data), user: null);

        Assert.Contains(RuntimeFolders, hidden);
        Assert.DoesNotContain(hidden, path => path.StartsWith(RuntimeFolders + "/", StringComparison.Ordinal));
        Assert.DoesNotContain(RuntimeFolders, HiddenPaths.Of(Options.Of(_data), user: 65532));
    }
}
