using System.Runtime.InteropServices;
using Connectors.Provider.Processes;

namespace Connectors.Provider.Isolation;

/// <summary>
/// Files that a function brings along. What is to be copied is known before the first file is: the function's directory may lie inside the one that is
/// copied, as with <c>handler: .</c>. Links that lead inside the directory stay links; what others lead to is copied.
/// </summary>
internal sealed partial class HandlerFiles
{
    private const uint FileKind = 0xF000;
    private const uint RegularFile = 0x8000;

    private readonly string _to;
    private readonly IReadOnlyList<Entry> _entries;

    private HandlerFiles(string to, IReadOnlyList<Entry> entries) => (_to, _entries) = (to, entries);

    /// <summary>Looks at all that is to be copied, and copies nothing.</summary>
    /// <param name="from">The directory to copy.</param>
    /// <param name="to">The function's directory.</param>
    /// <param name="hidden">Paths that no function may see, the gateway's data among them: they are not copied.</param>
    /// <exception cref="IOException">A link that leads nowhere, into itself, or to what no function may see.</exception>
    public static HandlerFiles Find(string from, string to, IEnumerable<string> hidden) => new(to, Plan(RealPath(from), [.. hidden.Append(to).Select(RealPath)]));

    /// <summary>
    /// Copies them into the function's directory. It is the function's own, so whatever lies there may be a link to anywhere: links are replaced, never
    /// followed, and none of its processes may run meanwhile.
    /// </summary>
    /// <param name="owner">Who is to own the copies; null for the gateway's user.</param>
    public void Copy(int? owner)
    {
        foreach (var entry in _entries)
        {
            var copy = Path.Combine(_to, entry.Name);
            if (entry.Kind != EntryKind.Folder || File.Exists(copy) || new DirectoryInfo(copy).LinkTarget is not null)
            {
                Remove(copy);
            }

            switch (entry.Kind)
            {
                case EntryKind.Folder:
                    Directory.CreateDirectory(copy);
                    break;
                case EntryKind.File:
                    File.Copy(entry.Source, copy, overwrite: false);
                    break;
                default:
                    File.CreateSymbolicLink(copy, entry.Source);
                    break;
            }

            if (owner is { } user)
            {
                UserIds.Give(copy, user);
            }
        }
    }

    private static void Remove(string path)
    {
        if (Directory.Exists(path) && new DirectoryInfo(path).LinkTarget is null)
        {
            Directory.Delete(path, recursive: true);
        }
        else
        {
            File.Delete(path);
        }
    }

    private static List<Entry> Plan(string root, IReadOnlyList<string> hidden)
    {
        var plan = new List<Entry>();
        Add(root, "", [root]);
        return plan;

        // The way holds the real directories from the root to this one.
        void Add(string folder, string name, IReadOnlyList<string> way)
        {
            foreach (var info in new DirectoryInfo(folder).EnumerateFileSystemInfos("*", new EnumerationOptions { AttributesToSkip = 0 }).OrderBy(info => info.Name, StringComparer.Ordinal))
            {
                var own = Path.Combine(name, info.Name);
                if (info.LinkTarget is not null)
                {
                    AddLink(info, own, way);
                }
                else if (IsHidden(info.FullName))
                {
                    // The gateway's own, such as a data_path below the stack file.
                }
                else if (info is DirectoryInfo)
                {
                    plan.Add(new Entry(EntryKind.Folder, own, info.FullName));
                    Add(info.FullName, own, [.. way, info.FullName]);
                }
                else if (IsRegular(info.FullName))
                {
                    plan.Add(new Entry(EntryKind.File, own, info.FullName));
                }
            }
        }

        void AddLink(FileSystemInfo link, string own, IReadOnlyList<string> way)
        {
            var target = Target(link);
            if (IsHidden(target))
            {
                throw new IOException($"the link {own} leads to {target}, which no function may see");
            }

            if (IsWithin(target, root) && IsWithin(link.FullName, root))
            {
                plan.Add(new Entry(EntryKind.Link, own, Path.GetRelativePath(Path.GetDirectoryName(link.FullName)!, target)));
            }
            else if (File.Exists(target))
            {
                if (IsRegular(target))
                {
                    plan.Add(new Entry(EntryKind.File, own, target));
                }
            }
            else if (way.Any(folder => IsWithin(folder, target)) || hidden.Any(path => IsWithin(path, target)))
            {
                throw new IOException($"the link {own} leads to {target}, of which it is a part itself, or which holds what no function may see");
            }
            else
            {
                plan.Add(new Entry(EntryKind.Folder, own, target));
                Add(target, own, [.. way, target]);
            }
        }

        bool IsHidden(string path) => hidden.Any(secret => IsWithin(path, secret));
    }

    private static string Target(FileSystemInfo link)
    {
        FileSystemInfo? target;
        try
        {
            target = link.ResolveLinkTarget(returnFinalTarget: true);
        }
        catch (IOException fault)
        {
            throw new IOException($"the link {link.FullName} leads into itself: {fault.Message}", fault);
        }

        return target is { Exists: true } ? RealPath(target.FullName) : throw new IOException($"the link {link.FullName} leads to {link.LinkTarget}, which is not there");
    }

    // Without a link on the way to it.
    private static string RealPath(string path)
    {
        var real = "/";
        foreach (var part in Path.GetFullPath(path).Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            var next = Path.Combine(real, part);
            var link = new DirectoryInfo(next);
            real = link.LinkTarget is not null && link.ResolveLinkTarget(returnFinalTarget: true) is { } target ? RealPath(target.FullName) : next;
        }

        return real;
    }

    private static bool IsWithin(string path, string folder) => path == folder || path.StartsWith(folder.TrimEnd('/') + "/", StringComparison.Ordinal);

    // Pipes, sockets and devices are not copied; to open one may take for ever.
    private static unsafe bool IsRegular(string path)
    {
        // The layout of struct statx is the same on every machine: the mode stands at byte 28.
        var status = stackalloc byte[256];
        return StatX(-100, path, 0, 0x1, status) == 0 && (*(ushort*)(status + 28) & FileKind) == RegularFile;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int StatX(int folder, string path, int flags, uint mask, byte* status);

    private enum EntryKind
    {
        Folder,
        File,
        Link,
    }

    // For a link, the source is what it says.
    private readonly record struct Entry(EntryKind Kind, string Name, string Source);
}
