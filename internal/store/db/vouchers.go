package db

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

func (k keeper) EndMade(ctx context.Context, maker string) (n int, err error) {
	err = k.Change(ctx, func(tx Tx) error {
		r, err := tx.Exec(ctx, `DELETE FROM signin_tokens WHERE maker = ? AND person <> ?`, maker, maker)
		if err != nil {
			return err
		}
		ended, err := r.RowsAffected()
		n = int(ended)
		return err
	})
	return n, err
}

func (k keeper) Vouch(ctx context.Context, v credentials.Voucher) error {
	detail, err := personText(v.Person)
	if err != nil {
		return err
	}
	return k.Change(ctx, func(tx Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO signin_vouchers (person, detail, believed) VALUES (?, ?, ?)
			ON CONFLICT (person) DO UPDATE SET detail = excluded.detail, believed = excluded.believed`, clean(v.Person.Name), detail, when(v.Until))
		return err
	})
}

func (k keeper) Doubt(ctx context.Context, person string, until time.Time) error {
	return k.Change(ctx, func(tx Tx) error {
		_, err := tx.Exec(ctx, `UPDATE signin_vouchers SET believed = ? WHERE person = ? AND believed > ?`, when(until), clean(person), when(until))
		return err
	})
}

func (k keeper) VoucherOf(ctx context.Context, person string) (v credentials.Voucher, known bool, err error) {
	var detail string
	var believed int64
	err = k.Row(ctx, `SELECT detail, believed FROM signin_vouchers WHERE person = ?`, []any{clean(person)}, &detail, &believed)
	if errors.Is(err, sql.ErrNoRows) {
		return v, false, nil
	}
	if err != nil {
		return v, false, k.failed(err)
	}
	v.Until = at(believed)
	v.Person, err = personOf(detail)
	return v, true, err
}
