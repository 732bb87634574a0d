using Connectors.Provider.Isolation;
using Connectors.Sdk.Invocation;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.Provider.Tests.Isolation;

/// <summary>What a function has to itself.</summary>
public sealed class SandboxesTests : IDisposable
{
    private const UnixFileMode OfItsUser = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OfEverybody = OfItsUser | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private readonly string _data = Directory.CreateTempSubdirectory("sandboxes-").FullName;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    // As an ordinary user; what becomes another user's is in the tests of the gateway.
    [Fact]
    public void A_functions_directory_is_for_its_user_alone_whoever_made_it()
    {
        var options = Options.Of(_data);
        options.Data.Make();
        var sandboxes = new Sandboxes(options, NullLogger<Sandboxes>.Instance);
        var before = Directory.CreateDirectory(Path.Combine(_data, "work", "ns", "before")).FullName;
        File.SetUnixFileMode(before, OfEverybody);

        foreach (var name in new[] { "new", "before" })
        {
            var function = new FunctionName(name, "ns");
            var folder = sandboxes.Prepare(function, secrets: null, limits: []).Folder;
            Assert.Equal(Path.Combine(_data, "work", "ns", name), folder);
            Assert.Equal(OfItsUser, File.GetUnixFileMode(folder));

            // A new handler's files come before the rest.
            File.SetUnixFileMode(folder, OfEverybody);
            sandboxes.MakeFolder(function);
            Assert.Equal(OfItsUser, File.GetUnixFileMode(folder));
        }

        Assert.Equal([new FunctionName("before", "ns"), new FunctionName("new", "ns")], sandboxes.Prepared().OrderBy(function => function.Name, StringComparer.Ordinal));
    }
}
