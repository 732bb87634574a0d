using System.Xml.Linq;

namespace Connectors.Architecture.Tests;

internal sealed record Project(string File, IReadOnlyList<string> ProjectReferences, IReadOnlyList<string> PackageReferences)
{
    public string Name => Path.GetFileNameWithoutExtension(File);
}

/// <summary>The source tree that this assembly was built from.</summary>
internal static class Repository
{
    private static readonly string[] NotSource = ["artifacts", ".run", ".git", "bin", "obj", "node_modules"];

    public static string Root { get; } = FindRoot(AppContext.BaseDirectory);

    // What a template makes is a project only then.
    public static IReadOnlyList<Project> Projects { get; } = [.. Files("*.csproj").Where(file => !Relative(file).StartsWith("connector-sdk/Templates/", StringComparison.Ordinal) || Relative(file).Count(c => c == '/') == 2).Select(Read)];

    public static IEnumerable<string> Files(string pattern) => FilesBelow(Root, pattern);

    /// <summary>A path as seen from the root, with slashes.</summary>
    public static string Relative(string path) => Path.GetRelativePath(Root, path);

    private static IEnumerable<string> FilesBelow(string folder, string pattern) =>
        Directory.EnumerateFiles(folder, pattern).Concat(
            Directory.EnumerateDirectories(folder)
                .Where(child => !NotSource.Contains(Path.GetFileName(child)))
                .SelectMany(child => FilesBelow(child, pattern)));

    private static Project Read(string file)
    {
        var project = XDocument.Load(file);
        return new Project(file, [.. Includes("ProjectReference").Select(Path.GetFileNameWithoutExtension)!], [.. Includes("PackageReference")]);

        IEnumerable<string> Includes(string element) =>
            project.Descendants(element).Select(e => e.Attribute("Include")?.Value.Replace('\\', '/')).OfType<string>();
    }

    private static string FindRoot(string folder) =>
        File.Exists(Path.Combine(folder, "Connectors.sln"))
            ? folder
            : FindRoot(Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("Connectors.sln was not found above the test."));
}
