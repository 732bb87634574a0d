using System.Runtime.InteropServices;

namespace Connectors.Provider.Processes;

/// <summary>Users and the files that they own.</summary>
internal static partial class UserIds
{
    /// <summary>Arguments of unshare that let a new user namespace show our own user and group.</summary>
    public static string[] MapToSelf => [$"--map-user={EffectiveUser()}", $"--map-group={EffectiveGroup()}"];

    /// <summary>Gives a file or directory to a user and its group; a link itself, not what it names.</summary>
    /// <exception cref="UnauthorizedAccessException">We may not.</exception>
    public static void Give(string path, int user)
    {
        if (ChangeOwner(path, user, user) != 0)
        {
            throw new UnauthorizedAccessException($"{path} cannot be given to user {user}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwner(string path, int user, int group);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "getegid")]
    private static partial uint EffectiveGroup();
}
