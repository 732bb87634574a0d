namespace Cronos;

internal static class FieldText
{
    /// <summary>A field's values in the shortest form that means the same: a star or a list.</summary>
    public static string Of(Field field, ulong values) =>
        values == field.All
            ? "*"
            : string.Join(',', Bits.Members(field == Field.DayOfWeek ? values & ~Bits.Of(field.Last) : values));
}
